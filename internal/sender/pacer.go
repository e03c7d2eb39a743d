package sender

import (
	"math"
	"time"
)

const (
	// maxRate is the maximum rate in bytes a second at which queued packets are sent,
	// about 50,000 lines a second: a quarter to a half of what Etsy's StatsD can read.
	maxRate = 2 << 20

	// startRate is the rate right after a server has come back, because Node.js and
	// other runtimes start slowly. From there the rate doubles every doubleTime.
	startRate  = 256 << 10
	doubleTime = 200 * time.Millisecond

	// burstBytes is the maximum number of bytes that are sent at once. By default a
	// socket's buffer on Linux has 208 KiB, and a full packet counts as 2,304 bytes in
	// it, so 90 packets fill it. This is half of that.
	burstBytes = 64 << 10

	// arrivalTime is the time over which new lines are spread: two thirds of a large
	// batch are sent within it.
	arrivalTime = 50 * time.Millisecond

	// paceInterval is the minimum time between two bursts of queued packets.
	paceInterval = 2 * time.Millisecond
)

// pacer decides how many bytes may be sent now, so that a server has time to read its
// socket's buffer: the kernel silently drops UDP packets for which it has no room. New
// lines are sent as fast as they arrive. The packets queued in an outage are sent in
// addition, at most at maxRate.
type pacer struct {
	budget  float64   // bytes that may be sent now
	arrived float64   // bytes of new lines that are not added to budget yet
	rate    float64   // bytes a second for queued packets, from startRate to maxRate
	last    time.Time // when the fields were last updated
}

// add records that bytes of new lines have arrived.
func (p *pacer) add(bytes int) { p.arrived += float64(bytes) }

// advance updates p to the time now. The rate grows only if canGrow is true. least is
// the minimum rate in bytes a second for all lines.
func (p *pacer) advance(now time.Time, canGrow bool, least float64) {
	passed := now.Sub(p.last).Seconds()
	p.last = now
	if canGrow {
		p.rate = min(maxRate, p.rate*math.Exp2(passed/doubleTime.Seconds()))
	}
	if p.budget < burstBytes {
		p.budget = min(burstBytes, p.budget+p.rate*passed)
	}
	share := p.arrived * (1 - math.Exp(-passed/arrivalTime.Seconds()))
	p.arrived -= share
	p.budget += max(share, least*passed)
}

// start resets p when a server has come back. All waiting packets then count as queued
// in the outage.
func (p *pacer) start(now time.Time) {
	*p = pacer{rate: startRate, last: now}
}

// allows reports whether a packet of that many bytes may be sent now.
func (p *pacer) allows(bytes int) bool { return p.budget >= float64(bytes) }

// spend subtracts the bytes of a sent packet from the budget.
func (p *pacer) spend(bytes int) { p.budget -= float64(bytes) }
