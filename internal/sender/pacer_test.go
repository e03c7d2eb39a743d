package sender

import (
	"testing"
	"time"
)

// TestPace counts the bytes that leave in each of some tenths of a second.
func TestPace(t *testing.T) {
	const size = 1432
	// f lets a backlog of so many bytes leave while so many more arrive each
	// millisecond, and returns how many left in each tenth of a second.
	f := func(backlog, arriving int, least float64) (left [10]int) {
		var p pacer
		now := time.Unix(1, 0)
		p.start(now)
		for i := range len(left) * 100 {
			now = now.Add(time.Millisecond)
			backlog += arriving
			p.add(arriving)
			p.advance(now, true, least)
			for backlog >= size && p.allows(size) {
				p.spend(size)
				backlog -= size
				left[i/100] += size
			}
		}
		return left
	}
	const tenth = baseRate / 10
	near := func(got, want int) bool { return got > want*9/10 && got < want*11/10 }

	// An outage's backlog leaves slowly at first, then at baseRate.
	left := f(64<<20, 0, 0)
	if first := left[0]; first == 0 || first > burstBytes {
		t.Errorf("%d bytes leave at first, want some, but no more than a socket's buffer takes", first)
	}
	if !near(left[9], tenth) {
		t.Errorf("%d bytes of a backlog leave in 0.1 s, want about %d", left[9], tenth)
	}
	// What arrives goes on, and the backlog beside it.
	const arriving = 100_000
	if left := f(64<<20, arriving, 0); left[9] < arriving*100+tenth*9/10 {
		t.Errorf("%d bytes leave in 0.1 s, want about %d", left[9], arriving*100+tenth)
	}
	// Nothing piles up, little or much.
	for _, arriving := range []int{100, 1000, 100_000, 1_000_000} {
		left := f(0, arriving, 0)
		if !near(left[9], arriving*100) && arriving*100 > 100*size {
			t.Errorf("%d bytes leave in 0.1 s, want the %d that arrive", left[9], arriving*100)
		}
	}
	// Before the end there is a least rate.
	if left := f(64<<20, 0, 10*baseRate); !near(left[5], 10*tenth) {
		t.Errorf("%d bytes leave in 0.1 s, want about %d", left[5], 10*tenth)
	}
}
