package sender

import (
	"math"
	"time"
)

const (
	// baseRate is how many bytes a second leave of a backlog, some 50,000
	// lines: a quarter to a half of what Etsy's StatsD takes at most.
	baseRate = 2 << 20

	// startRate is the same when StatsD has just come back: Node.js and others
	// are slow at first. From there the rate doubles every doubleTime.
	startRate  = 256 << 10
	doubleTime = 200 * time.Millisecond

	// burstBytes is how many bytes leave at once. A socket's buffer on Linux
	// takes 208 KiB by default, in which a full datagram counts as 2,304 bytes:
	// it is full after 90 of them, and this is half of that.
	burstBytes = 64 << 10

	// arrivalTime is how long what arrives is spread over: two thirds of a large
	// batch leave in it.
	arrivalTime = 50 * time.Millisecond

	// paceInterval is the time between the bursts of a backlog.
	paceInterval = 2 * time.Millisecond
)

// pacer decides how many bytes may leave now, so that a receiver's buffer has
// time to be read: UDP drops what does not fit, and tells nobody. What clients
// send goes on as it comes, the backlog of an outage at baseRate beside it.
type pacer struct {
	budget  float64   // bytes that may leave now
	arrived float64   // bytes that have arrived and are not part of budget yet
	base    float64   // bytes a second of a backlog, up to baseRate
	last    time.Time // when all were brought up to date
}

// advance brings p up to now. arrived is how many bytes came since the last
// call, least the rate below which it must not go, in bytes a second.
func (p *pacer) advance(now time.Time, arrived int, least float64) {
	passed := now.Sub(p.last).Seconds()
	p.last = now
	p.base = min(baseRate, p.base*math.Exp2(passed/doubleTime.Seconds()))
	if p.budget < burstBytes {
		p.budget = min(burstBytes, p.budget+p.base*passed)
	}
	p.arrived += float64(arrived)
	share := p.arrived * (1 - math.Exp(-passed/arrivalTime.Seconds()))
	p.arrived -= share
	p.budget += max(share, least*passed)
}

// start is called when StatsD has come back: all that waits is a backlog then.
func (p *pacer) start() {
	p.budget, p.arrived, p.base = 0, 0, startRate
}

// allows tells whether the next datagram may leave, and counts its size if so.
func (p *pacer) allows(size int) bool {
	if p.budget < float64(size) {
		return false
	}
	p.budget -= float64(size)
	return true
}
