package deadline

import (
	"errors"
	"testing"
	"time"
)

func TestExtendSetsTheDeadlineSeldom(t *testing.T) {
	start := time.Now()
	const timeout = 8 * time.Second
	var d Deadline
	var current time.Time
	sets := 0
	f := func(after time.Duration, timeout time.Duration, wantSet bool) {
		t.Helper()
		now, before := start.Add(after), sets
		err := d.Extend(now, timeout, func(at time.Time) error { current = at; sets++; return nil })
		if err != nil {
			t.Error(err)
		}
		if left := current.Sub(now); left < timeout || left > timeout+timeout/8 {
			t.Errorf("after %v: %v are left, want %v to %v", after, left, timeout, timeout+timeout/8)
		}
		if isSet := sets > before; isSet != wantSet {
			t.Errorf("after %v: the deadline was set: %v, want %v", after, isSet, wantSet)
		}
	}
	f(0, timeout, true)
	f(500*time.Millisecond, timeout, false)
	f(time.Second, timeout, false)
	f(time.Second+1, timeout, true)
	f(time.Second+1, timeout/2, true) // it was too far away
	f(time.Hour, timeout, true)
	if d.Set(start, func(time.Time) error { return nil }); d.Extend(start, timeout, func(time.Time) error { return errors.New("closed") }) == nil {
		t.Error("the error of set is lost")
	}
}
