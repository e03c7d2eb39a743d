package sender

import (
	"math"
	"time"
)

const (
	// baseRate is how many bytes a second of waiting packets leave, some 50,000
	// lines: a quarter to a half of what Etsy's StatsD reads at most.
	baseRate = 2 << 20

	// startRate is the same when a server has just come back: Node.js and others
	// are slow at first. The rate doubles every doubleTime from there.
	startRate  = 256 << 10
	doubleTime = 200 * time.Millisecond

	// burstBytes is how many bytes leave at once. A socket's buffer on Linux
	// holds 208 KiB by default, in which a full packet counts as 2,304 bytes: it
	// is full after 90 of them. This is half of that.
	burstBytes = 64 << 10

	// arrivalTime is how long new lines are spread over: two thirds of a large
	// batch leave in it.
	arrivalTime = 50 * time.Millisecond

	// paceInterval is the shortest time between two bursts of waiting packets.
	paceInterval = 2 * time.Millisecond
)

// pacer decides how many bytes may leave now, so that a server has time to read
// its socket's buffer: UDP drops without a word what does not fit. New lines
// leave as fast as they come, and the packets of an outage at baseRate beside
// them.
type pacer struct {
	budget  float64   // bytes that may leave now
	arrived float64   // bytes that have arrived and are not part of budget yet
	base    float64   // bytes a second of waiting packets, up to baseRate
	last    time.Time // when all were brought up to date
}

// add tells the pacer that bytes of new lines have arrived.
func (p *pacer) add(bytes int) { p.arrived += float64(bytes) }

// advance brings p up to now. The rate grows only if canGrow. least is a lower
// bound of the rate, in bytes a second.
func (p *pacer) advance(now time.Time, canGrow bool, least float64) {
	passed := now.Sub(p.last).Seconds()
	p.last = now
	if canGrow {
		p.base = min(baseRate, p.base*math.Exp2(passed/doubleTime.Seconds()))
	}
	if p.budget < burstBytes {
		p.budget = min(burstBytes, p.budget+p.base*passed)
	}
	share := p.arrived * (1 - math.Exp(-passed/arrivalTime.Seconds()))
	p.arrived -= share
	p.budget += max(share, least*passed)
}

// start is called when a server has come back: only old packets wait then.
func (p *pacer) start(now time.Time) {
	*p = pacer{base: startRate, last: now}
}

// allows reports whether a packet may leave now.
func (p *pacer) allows(bytes int) bool { return p.budget >= float64(bytes) }

// spend takes the bytes of a packet that left off the budget.
func (p *pacer) spend(bytes int) { p.budget -= float64(bytes) }
