package sender

import (
	"testing"
	"time"
)

// TestPace counts the bytes that leave in each tenth of a second.
func TestPace(t *testing.T) {
	const size = 1432
	// f has a backlog of bytes, and more that arrive each millisecond. It returns
	// how many bytes leave in each tenth of a second.
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
	const tenth = maxRate / 10
	near := func(got, want int) bool { return got > want*9/10 && got < want*11/10 }

	// The packets of an outage leave slowly at first, then at maxRate.
	left := f(64<<20, 0, 0)
	if first := left[0]; first == 0 || first > burstBytes {
		t.Errorf("%d bytes leave at first, want some, but no more than a socket's buffer takes", first)
	}
	if !near(left[9], tenth) {
		t.Errorf("%d bytes of a backlog leave in 0.1 s, want about %d", left[9], tenth)
	}
	// New lines leave as fast as they arrive, beside the backlog.
	const arriving = 100_000
	if left := f(64<<20, arriving, 0); left[9] < arriving*100+tenth*9/10 {
		t.Errorf("%d bytes leave in 0.1 s, want about %d", left[9], arriving*100+tenth)
	}
	// No backlog builds up at any rate.
	for _, arriving := range []int{100, 1000, 100_000, 1_000_000} {
		left := f(0, arriving, 0)
		if !near(left[9], arriving*100) && arriving*100 > 100*size {
			t.Errorf("%d bytes leave in 0.1 s, want the %d that arrive", left[9], arriving*100)
		}
	}
	// Close sets a lower bound of the rate.
	if left := f(64<<20, 0, 10*maxRate); !near(left[5], 10*tenth) {
		t.Errorf("%d bytes leave in 0.1 s, want about %d", left[5], 10*tenth)
	}
}
