package sender

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// retryInterval is how often a StatsD that is away is tried, on this
	// machine.
	retryInterval = 100 * time.Millisecond

	// maxBackoff is how long the courier waits at most before it connects a
	// stream again: from retryInterval on it doubles.
	maxBackoff = 5 * time.Second

	// dialTime is how long connecting may take.
	dialTime = 2 * time.Second

	// busyInterval is when a link is tried again that takes nothing now.
	busyInterval = time.Millisecond

	// restTime is the least time between two bursts of datagrams that are full.
	// At a high rate several leave in one, for which StatsD has to be woken once,
	// and so has the courier; each costs as much as sending a datagram. In that
	// time no more arrives than a receiver's buffer takes, see burstBytes.
	restTime = time.Millisecond

	// tellInterval is the least time between two entries of the log that StatsD
	// is away.
	tellInterval = time.Second

	// settleInterval is how often the courier looks whether what it wrote comes
	// back.
	settleInterval = 20 * time.Millisecond
)

// courier takes datagrams from a queue and brings them to StatsD. One
// goroutine, that of run, owns all but what stop uses.
type courier struct {
	network  string
	queue    *queue
	resolver *resolver
	log      *slog.Logger

	stopOnce sync.Once
	stopping chan struct{} // closed by stop
	deadline time.Time     // of stop; set before stopping is closed
	done     chan struct{} // closed when the goroutine is gone

	expired context.Context // done when stop has to return
	expire  context.CancelFunc

	window  window
	pace    pace
	flush   time.Time // when the open datagram has to leave, zero where there is none
	rested  time.Time // when the rest behind the last burst is over
	isLast  bool      // stopping was seen
	unsent  int       // bytes in window.waiting()
	link    link      // nil where there is none
	target  string    // what link is, or was, connected to
	dialAt  time.Time // when to connect
	backoff time.Duration

	// Where trial takes time, the first datagram after an outage goes alone,
	// until probeEnd: it may come back. probeEnd is zero before it goes.
	trial    trial
	probing  bool
	probeEnd time.Time

	failure  error     // why StatsD is away, nil while it is not
	awayFrom time.Time // since when
	isTold   bool      // whether that is logged
	told     time.Time // when it was logged last
	lost     lossLog
}

func newCourier(options *Options, q *queue, r *resolver) *courier {
	c := &courier{
		network:  options.Network,
		queue:    q,
		resolver: r,
		log:      options.Logger,
		stopping: make(chan struct{}),
		done:     make(chan struct{}),
		backoff:  retryInterval,
		trial:    trial{every: retryInterval},
		lost:     lossLog{log: options.Logger},
	}
	c.expired, c.expire = context.WithCancel(context.Background())
	return c
}

// stop makes run send what is left and waits for its end, until ctx is done:
// then it gives up what still waits.
func (c *courier) stop(ctx context.Context) {
	defer c.expire()
	c.stopOnce.Do(func() {
		c.deadline, _ = ctx.Deadline()
		close(c.stopping)
	})
	select {
	case <-c.done:
	case <-ctx.Done():
		c.expire()
		<-c.done
	}
}

// run sends until stop.
func (c *courier) run() {
	defer close(c.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	stopping := c.stopping
	for {
		now := time.Now()
		c.collect(now)
		if c.expired.Err() != nil {
			break
		}
		wait := c.deliver(now)
		c.window.compact()
		if c.isLast && c.isFinished() {
			break
		}
		if c.mayFlush() {
			wait = min(wait, max(0, c.flush.Sub(now)))
		}
		opened, filled := c.queue.opened, c.queue.filled
		if rest := c.rested.Sub(now); rest > 0 && !c.isLast {
			opened, filled = nil, nil
			wait = min(wait, rest)
		}
		timer.Reset(wait)
		var broken <-chan struct{}
		if c.link != nil {
			broken = c.link.broken()
		}
		select {
		case <-opened:
			c.flush = time.Now().Add(flushInterval)
		case <-filled:
		case <-c.resolver.changed:
			c.follow()
		case <-broken:
		case <-timer.C:
		case <-stopping:
			c.isLast = true
			stopping = nil
		case <-c.expired.Done():
		}
	}
	if c.link != nil {
		c.leave(c.expired)
	}
	c.giveUp()
}

// collect takes what waits in the queue: what is full, and the open datagram
// too when its time has come and it would leave now.
func (c *courier) collect(now time.Time) {
	all := c.isLast
	select {
	case <-c.queue.opened:
		c.flush = now.Add(flushInterval)
	default:
	}
	if c.mayFlush() && !now.Before(c.flush) {
		all = true
		c.flush = time.Time{}
	}
	before := len(c.window.datagrams)
	taken, arrived := c.queue.take(c.window.datagrams, all)
	c.window.datagrams = taken
	for _, d := range taken[before:] {
		c.unsent += len(d.bytes)
	}
	least := 0.0
	if c.isLast && !c.deadline.IsZero() {
		// Better too fast for StatsD than given up: aim at half of the time left.
		least = 2 * float64(c.unsent) / max(0.001, c.deadline.Sub(now).Seconds())
	}
	c.pace.advance(now, arrived, least)
}

// mayFlush tells whether the open datagram would leave at once, if there is
// one. While others wait it fills up meanwhile.
func (c *courier) mayFlush() bool {
	return !c.flush.IsZero() && c.link != nil && len(c.window.waiting()) == 0 && !c.isProbeOut()
}

// isProbeOut tells whether the first datagram after an outage is on its way.
func (c *courier) isProbeOut() bool { return c.probing && !c.probeEnd.IsZero() }

// forever is how long to wait when only an event brings something to do.
const forever = time.Hour

// deliver writes what can be written now, and tells when to call it again
// unless something happens before.
func (c *courier) deliver(now time.Time) (wait time.Duration) {
	if c.link == nil {
		if wait := c.dialAt.Sub(now); wait > 0 {
			return wait
		}
		if wait := c.connect(); wait > 0 {
			return wait
		}
		now = time.Now()
	}
	if err := c.settle(now); err != nil {
		return c.fail(now, err)
	}
	if c.isProbeOut() {
		if wait := c.probeEnd.Sub(now); wait > 0 && len(c.window.written()) > 0 {
			return min(wait, settleInterval)
		}
		c.recovered(now)
	}
	n, wait, err := c.write(now)
	if n > 0 {
		c.queue.written(n)
	}
	if n > 1 {
		c.rested = now.Add(restTime)
	}
	if n > 0 && err == nil {
		err = c.settle(now)
	}
	if err != nil {
		return c.fail(now, err)
	}
	return wait
}

// burstTime is about how long the courier writes without a look at all else: a
// StatsD that reads slowly may hold up each write.
const burstTime = writeTime

// write writes what may leave now: n datagrams. It tells when there may be more
// to do, and what broke the link; that a datagram is refused, the write of the
// next one may tell.
func (c *courier) write(now time.Time) (n int, wait time.Duration, err error) {
	for len(c.window.waiting()) > 0 {
		d := c.window.waiting()[0]
		if d.sent = time.Now(); d.sent.Sub(now) > burstTime {
			return n, 0, nil
		}
		if c.network == UDP && !c.pace.allows(len(d.bytes)) {
			return n, paceInterval, nil
		}
		switch err := c.link.write(d); {
		case errors.Is(err, errBusy):
			return n, busyInterval, nil
		case err != nil:
			return n, 0, c.settle(now)
		}
		n++
		c.window.next++
		c.unsent -= len(d.bytes)
		if c.probing {
			c.probeEnd = now.Add(c.trial.lasts)
			return n, settleInterval, nil
		}
	}
	if len(c.window.written()) > 0 {
		return n, settleInterval, nil
	}
	return n, forever, nil
}

// settle lets go of what was written and cannot come back. An error says that
// the link is broken; what was written and is still held has to be written
// again.
func (c *courier) settle(now time.Time) error {
	n, err := c.link.settle(c.window.written(), now)
	if n > 0 {
		settled := c.window.settle(n)
		c.queue.recycle(settled)
		clear(settled)
		c.backoff = retryInterval
	}
	return err
}

// isFinished tells whether nothing is left to send, and waits for what may come
// back of it.
func (c *courier) isFinished() bool {
	if c.link != nil && len(c.window.waiting()) == 0 {
		c.leave(c.expired)
	}
	return len(c.window.datagrams) == 0
}

// leave closes the link in good order, for which it takes no longer than until
// ctx is done. What did not reach StatsD waits again.
func (c *courier) leave(ctx context.Context) {
	c.link.finish(ctx)
	_ = c.settle(time.Now())
	c.closeLink()
	c.window.compact()
}

// closeLink closes the link. What was written and not let go of waits again.
func (c *courier) closeLink() {
	c.link.close()
	c.link = nil
	c.queue.written(-c.window.rewind())
	c.unsent = 0
	for _, d := range c.window.waiting() {
		c.unsent += len(d.bytes)
	}
}

// fail gives up a link because of err and tells when to connect again.
func (c *courier) fail(now time.Time, err error) (wait time.Duration) {
	if errors.Is(err, errEnded) { // StatsD may still read what was written
		ctx, cancel := context.WithTimeout(c.expired, finishTime)
		c.link.finish(ctx)
		cancel()
		_ = c.settle(now)
	}
	c.trial = c.link.trial()
	c.closeLink()
	if errors.Is(err, errReplaced) {
		c.dialAt = now
		return 0
	}
	return c.away(now, err)
}

// away notes that StatsD is away because of err and tells when to try again.
func (c *courier) away(now time.Time, err error) (wait time.Duration) {
	c.resolver.lookAgain()
	if c.failure == nil {
		c.awayFrom = now
	}
	if !c.isTold && now.Sub(c.told) >= tellInterval {
		c.isTold, c.told = true, now
		c.log.Warn("statsd is away, metrics wait", "address", c.target, "error", err)
	}
	c.failure = err
	c.probing, c.probeEnd = c.trial.lasts > 0, time.Time{}
	wait = c.trial.every
	if c.network == TCP {
		// Jitter keeps many proxies from coming back all at once.
		wait = c.backoff/2 + rand.N(c.backoff)
		c.backoff = min(2*c.backoff, maxBackoff)
	}
	c.dialAt = now.Add(wait)
	return wait
}

// recovered notes that StatsD takes datagrams.
func (c *courier) recovered(now time.Time) {
	c.probing = false
	c.failure = nil
	c.pace.start()
	if c.isTold {
		c.isTold = false
		c.log.Info("statsd is back", "address", c.target, "after", now.Sub(c.awayFrom).Round(time.Millisecond), "waiting_bytes", c.unsent)
	}
}

// connect makes a link to where StatsD is now, or tells when to try again. A
// StatsD that has several addresses is tried at the next of them when it was
// away.
func (c *courier) connect() (wait time.Duration) {
	target, err := c.resolver.pick(c.target, c.failure != nil)
	if err != nil {
		if c.failure == nil {
			c.awayFrom = time.Now()
		}
		c.failure = err
		return forever // resolver.changed will tell
	}
	c.target = target
	link, err := dial(c.expired, c.network, target)
	now := time.Now()
	if err != nil {
		return c.away(now, err)
	}
	c.link = link
	if !c.probing {
		c.recovered(now)
	}
	return 0
}

// follow leaves an address that is none of StatsD's any more.
func (c *courier) follow() {
	switch {
	case c.link == nil:
		c.dialAt = time.Time{}
	case !c.resolver.has(c.target):
		c.log.Info("statsd has moved", "from", c.target)
		if c.isProbeOut() {
			c.closeLink() // what is on trial there is not lost with it
		} else {
			ctx, cancel := context.WithTimeout(c.expired, finishTime)
			c.leave(ctx)
			cancel()
		}
		c.dialAt = time.Time{}
	}
}

// giveUp counts what was not sent as lost.
func (c *courier) giveUp() {
	c.window.datagrams, _ = c.queue.take(c.window.datagrams, true)
	lines := 0
	for _, d := range c.window.waiting() {
		lines += d.lines()
	}
	switch {
	case lines == 0:
	case c.failure != nil:
		c.lost.add(c.failure.Error(), lines)
	default:
		c.lost.add("statsd took too long", lines)
	}
	c.lost.flush()
}
