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

	// maxBackoff is how long the send loop waits at most before it connects a
	// stream again: from retryInterval on it doubles.
	maxBackoff = 5 * time.Second

	// dialTime is how long connecting may take.
	dialTime = 2 * time.Second

	// busyInterval is when a link is tried again that takes nothing now.
	busyInterval = time.Millisecond

	// burstInterval is the least time between two bursts of datagrams that are full.
	// At a high rate several leave in one, for which StatsD has to be woken once,
	// and so has the send loop; each costs as much as sending a datagram. In that
	// time no more arrives than a receiver's buffer takes, see burstBytes.
	burstInterval = time.Millisecond

	// logInterval is the least time between two entries of the log that StatsD
	// is away.
	logInterval = time.Second

	// confirmInterval is how often the send loop looks whether what it wrote comes
	// back.
	confirmInterval = 20 * time.Millisecond
)

// sendLoop takes datagrams from a queue and brings them to StatsD. One
// goroutine, that of run, owns all but what stop uses.
type sendLoop struct {
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

	inflight    inflight
	pacer       pacer
	flush       time.Time // when the open datagram has to leave, zero where there is none
	pausedUntil time.Time // when the rest behind the last burst is over
	isLast      bool      // stopping was seen
	unsent      int       // bytes in inflight.waiting()
	link        link      // nil where there is none
	target      string    // what link is, or was, connected to
	dialAt      time.Time // when to connect
	backoff     time.Duration

	// Where a probe takes time, the first datagram after an outage goes alone,
	// until probeDeadline: it may come back. probeDeadline is zero before it goes.
	probeTiming   probeTiming
	probing       bool
	probeDeadline time.Time

	failure    error     // why StatsD is away, nil while it is not
	awayFrom   time.Time // since when
	isLogged   bool      // whether the log says so
	lastLogged time.Time // when it was logged last
	lost       lossLog
}

func newSendLoop(options *Options, q *queue, r *resolver) *sendLoop {
	c := &sendLoop{
		network:     options.Network,
		queue:       q,
		resolver:    r,
		log:         options.Logger,
		stopping:    make(chan struct{}),
		done:        make(chan struct{}),
		backoff:     retryInterval,
		probeTiming: probeTiming{interval: retryInterval},
		lost:        lossLog{log: options.Logger},
	}
	c.expired, c.expire = context.WithCancel(context.Background())
	return c
}

// stop makes run send what is left and waits for its end, until ctx is done:
// then it gives up what still waits.
func (c *sendLoop) stop(ctx context.Context) {
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
func (c *sendLoop) run() {
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
		c.inflight.compact()
		if c.isLast && c.isFinished() {
			break
		}
		if c.mayFlush() {
			wait = min(wait, max(0, c.flush.Sub(now)))
		}
		opened, filled := c.queue.opened, c.queue.filled
		if rest := c.pausedUntil.Sub(now); rest > 0 && !c.isLast {
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
		c.closeGracefully(c.expired)
	}
	c.giveUp()
}

// collect takes what waits in the queue: what is full, and the open datagram
// too when its time has come and it would leave now.
func (c *sendLoop) collect(now time.Time) {
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
	before := len(c.inflight.datagrams)
	taken, arrived := c.queue.dequeue(c.inflight.datagrams, all)
	c.inflight.datagrams = taken
	for _, d := range taken[before:] {
		c.unsent += len(d.bytes)
	}
	least := 0.0
	if c.isLast && !c.deadline.IsZero() {
		// Better too fast for StatsD than given up: aim at half of the time left.
		least = 2 * float64(c.unsent) / max(0.001, c.deadline.Sub(now).Seconds())
	}
	c.pacer.advance(now, arrived, least)
}

// mayFlush tells whether the open datagram would leave at once, if there is
// one. While others wait it fills up meanwhile.
func (c *sendLoop) mayFlush() bool {
	return !c.flush.IsZero() && c.link != nil && len(c.inflight.waiting()) == 0 && !c.isProbeOut()
}

// isProbeOut tells whether the first datagram after an outage is on its way.
func (c *sendLoop) isProbeOut() bool { return c.probing && !c.probeDeadline.IsZero() }

// forever is how long to wait when only an event brings something to do.
const forever = time.Hour

// deliver writes what can be written now, and tells when to call it again
// unless something happens before.
func (c *sendLoop) deliver(now time.Time) (wait time.Duration) {
	if c.link == nil {
		if wait := c.dialAt.Sub(now); wait > 0 {
			return wait
		}
		if wait := c.connect(); wait > 0 {
			return wait
		}
		now = time.Now()
	}
	if err := c.confirm(now); err != nil {
		return c.fail(now, err)
	}
	if c.isProbeOut() {
		if wait := c.probeDeadline.Sub(now); wait > 0 && len(c.inflight.written()) > 0 {
			return min(wait, confirmInterval)
		}
		c.recovered(now)
	}
	n, wait, err := c.write(now)
	if n > 0 {
		c.queue.written(n)
	}
	if n > 1 {
		c.pausedUntil = now.Add(burstInterval)
	}
	if n > 0 && err == nil {
		err = c.confirm(now)
	}
	if err != nil {
		return c.fail(now, err)
	}
	return wait
}

// burstTime is about how long the send loop writes without a look at all else: a
// StatsD that reads slowly may hold up each write.
const burstTime = writeTime

// write writes what may leave now: n datagrams. It tells when there may be more
// to do, and what broke the link; that a datagram is refused, the write of the
// next one may tell.
func (c *sendLoop) write(now time.Time) (n int, wait time.Duration, err error) {
	for len(c.inflight.waiting()) > 0 {
		d := c.inflight.waiting()[0]
		if d.sent = time.Now(); d.sent.Sub(now) > burstTime {
			return n, 0, nil
		}
		if c.network == UDP && !c.pacer.allows(len(d.bytes)) {
			return n, paceInterval, nil
		}
		switch err := c.link.write(d); {
		case errors.Is(err, errBusy):
			return n, busyInterval, nil
		case err != nil:
			return n, 0, c.confirm(now)
		}
		n++
		c.inflight.next++
		c.unsent -= len(d.bytes)
		if c.probing {
			c.probeDeadline = now.Add(c.probeTiming.timeout)
			return n, confirmInterval, nil
		}
	}
	if len(c.inflight.written()) > 0 {
		return n, confirmInterval, nil
	}
	return n, forever, nil
}

// confirm lets go of what was written and cannot come back. An error says that
// the link is broken; what was written and is still held has to be written
// again.
func (c *sendLoop) confirm(now time.Time) error {
	n, err := c.link.confirm(c.inflight.written(), now)
	if n > 0 {
		confirmed := c.inflight.confirm(n)
		c.queue.recycle(confirmed)
		clear(confirmed)
		c.backoff = retryInterval
	}
	return err
}

// isFinished tells whether nothing is left to send, and waits for what may come
// back of it.
func (c *sendLoop) isFinished() bool {
	if c.link != nil && len(c.inflight.waiting()) == 0 {
		c.closeGracefully(c.expired)
	}
	return len(c.inflight.datagrams) == 0
}

// closeGracefully closes the link in good order, for which it takes no longer than until
// ctx is done. What did not reach StatsD waits again.
func (c *sendLoop) closeGracefully(ctx context.Context) {
	c.link.finish(ctx)
	_ = c.confirm(time.Now())
	c.closeLink()
	c.inflight.compact()
}

// closeLink closes the link. What was written and not let go of waits again.
func (c *sendLoop) closeLink() {
	c.link.close()
	c.link = nil
	c.queue.written(-c.inflight.rewind())
	c.unsent = 0
	for _, d := range c.inflight.waiting() {
		c.unsent += len(d.bytes)
	}
}

// fail gives up a link because of err and tells when to connect again.
func (c *sendLoop) fail(now time.Time, err error) (wait time.Duration) {
	if errors.Is(err, errEnded) { // StatsD may still read what was written
		ctx, cancel := context.WithTimeout(c.expired, finishTime)
		c.link.finish(ctx)
		cancel()
		_ = c.confirm(now)
	}
	c.probeTiming = c.link.probe()
	c.closeLink()
	if errors.Is(err, errReplaced) {
		c.dialAt = now
		return 0
	}
	return c.away(now, err)
}

// away notes that StatsD is away because of err and tells when to try again.
func (c *sendLoop) away(now time.Time, err error) (wait time.Duration) {
	c.resolver.lookAgain()
	if c.failure == nil {
		c.awayFrom = now
	}
	if !c.isLogged && now.Sub(c.lastLogged) >= logInterval {
		c.isLogged, c.lastLogged = true, now
		c.log.Warn("statsd is away, metrics wait", "address", c.target, "error", err)
	}
	c.failure = err
	c.probing, c.probeDeadline = c.probeTiming.timeout > 0, time.Time{}
	wait = c.probeTiming.interval
	if c.network == TCP {
		// Jitter keeps many proxies from coming back all at once.
		wait = c.backoff/2 + rand.N(c.backoff)
		c.backoff = min(2*c.backoff, maxBackoff)
	}
	c.dialAt = now.Add(wait)
	return wait
}

// recovered notes that StatsD takes datagrams.
func (c *sendLoop) recovered(now time.Time) {
	c.probing = false
	c.failure = nil
	c.pacer.start()
	if c.isLogged {
		c.isLogged = false
		c.log.Info("statsd is back", "address", c.target, "after", now.Sub(c.awayFrom).Round(time.Millisecond), "waiting_bytes", c.unsent)
	}
}

// connect makes a link to where StatsD is now, or tells when to try again. A
// StatsD that has several addresses is tried at the next of them when it was
// away.
func (c *sendLoop) connect() (wait time.Duration) {
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
func (c *sendLoop) follow() {
	switch {
	case c.link == nil:
		c.dialAt = time.Time{}
	case !c.resolver.has(c.target):
		c.log.Info("statsd has moved", "from", c.target)
		if c.isProbeOut() {
			c.closeLink() // what is being probed there is not lost with it
		} else {
			ctx, cancel := context.WithTimeout(c.expired, finishTime)
			c.closeGracefully(ctx)
			cancel()
		}
		c.dialAt = time.Time{}
	}
}

// giveUp counts what was not sent as lost.
func (c *sendLoop) giveUp() {
	c.inflight.datagrams, _ = c.queue.dequeue(c.inflight.datagrams, true)
	lines := 0
	for _, d := range c.inflight.waiting() {
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
