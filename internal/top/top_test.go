package top

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// record records events with a name and a weight.
func record(t *Top, now time.Time, name string, weight int64) {
	t.Record(now, weight, Event{Name: []byte(name)})
}

// namesOf returns the names of a report with their counts.
func namesOf(t *Top, now time.Time) []Count {
	for _, d := range t.Report(now) {
		if d.Name == "names" {
			return d.Counts
		}
	}
	return nil
}

func TestReportListsTheBusiest(t *testing.T) {
	top, now := New(), time.Unix(1_000_000, 0)
	want := []Count{}
	for i := range 12 {
		record(top, now, fmt.Sprintf("n%02d", i), int64(i+1))
		record(top, now, fmt.Sprintf("n%02d", i), 1)
	}
	for i := 11; i >= 2; i-- {
		want = append(want, Count{Key: fmt.Sprintf("n%02d", i), Count: uint64(i + 2)})
	}
	if diff := cmp.Diff(want, namesOf(top, now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Fields that are empty do not count.
	for _, d := range top.Report(now) {
		if d.Name != "names" && len(d.Counts) > 0 {
			t.Errorf("got %d %s, want none", len(d.Counts), d.Name)
		}
	}
}

func TestReportCoversTheLastMinute(t *testing.T) {
	top, start := New(), time.Unix(1_000_000, 0).Truncate(slotTime)
	for i := range 20 {
		record(top, start.Add(time.Duration(i)*slotTime), "k", 1)
	}
	now := start.Add(19 * slotTime)
	f := func(after time.Duration, want ...Count) {
		t.Helper()
		if diff := cmp.Diff(want, namesOf(top, now.Add(after)), cmp.Transformer("len", func(c []Count) []Count { return c[:len(c):len(c)] })); diff != "" && len(want)+len(namesOf(top, now.Add(after))) > 0 {
			t.Errorf("after %s (-want +got):\n%s", after, diff)
		}
	}
	f(0, Count{Key: "k", Count: numSlots + 1})
	f(2*slotTime, Count{Key: "k", Count: numSlots - 1})
	f(time.Hour)
}

// TestSketchFindsFrequentKeys has one key among many others.
func TestSketchFindsFrequentKeys(t *testing.T) {
	var s sketch
	const others = 10_000
	for i := range others {
		s.add(fmt.Appendf(nil, "other%d", i), 1)
		if i%20 == 0 {
			s.add([]byte("frequent"), 1)
		}
	}
	i := slices.IndexFunc(s.counters, func(c counter) bool { return c.key == "frequent" })
	if i < 0 {
		t.Fatal("the frequent key is not found")
	}
	if c := s.counters[i]; c.count < others/20 || c.count-c.fault > others/20 {
		t.Errorf("got %d with a fault of %d, want %d", c.count, c.fault, others/20)
	}
	if len(s.counters) != numCounters || len(s.index) != numCounters {
		t.Errorf("got %d counters, %d keys, want %d", len(s.counters), len(s.index), numCounters)
	}
	for key, i := range s.index {
		if s.counters[i].key != key {
			t.Errorf("the counter of %s is that of %s", key, s.counters[i].key)
		}
	}
}

func TestLongKeysAreCut(t *testing.T) {
	var s sketch
	s.add(make([]byte, 2*maxKeyBytes), 1)
	if got := len(s.counters[0].key); got != maxKeyBytes {
		t.Errorf("got %d bytes, want %d", got, maxKeyBytes)
	}
}

// TestSamplesAreBounded has many events in a second, then few.
func TestSamplesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := New()
		var skip int64
		const events = 1_000_000
		samples, sum := 0, int64(0)
		send := func(n int) {
			for range n {
				if weight := top.Sample(&skip); weight > 0 {
					samples++
					sum += weight
					record(top, time.Now(), "k", weight)
				}
			}
		}
		send(events)
		if samples > 20*samplesPerSecond {
			t.Errorf("%d of %d events were looked at", samples, events)
		}
		if sum < events*7/10 || sum > events*13/10 {
			t.Errorf("the samples stand for %d events, want about %d", sum, events)
		}
		time.Sleep(20 * time.Second)
		samples = 0
		send(10)
		if samples != 10 {
			t.Errorf("%d of 10 events were looked at after a pause, want all", samples)
		}
	})
}

func BenchmarkSample(b *testing.B) {
	top := New()
	top.every.Store(maxEvery)
	var skip int64
	for b.Loop() {
		top.Sample(&skip)
	}
}
