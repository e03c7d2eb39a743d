package sender

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// loop carries out what a machine decides. It owns the socket, the timer and
// the bytes of the packets. One goroutine, that of run, uses all but what stop
// uses.
type loop struct {
	machine *machine
	queue   *queue
	lookup  *lookup
	dial    dialFunc
	report  *report

	stopOnce sync.Once
	stopping chan struct{}   // closed by stop
	deadline time.Time       // of stop; set before stopping is closed
	expired  context.Context // done when stop has to return
	expire   context.CancelFunc
	done     chan struct{} // closed when the goroutine is gone

	packets  []*buffer // that the machine knows, in order, after those that were removed
	base     uint64    // number of packets[0]
	removed  int       // packets at the start that were removed
	openedAt time.Time // when the open packet got its first line, zero if it has none

	conn     conn            // nil if there is none
	news     <-chan struct{} // of conn
	dials    chan dialed     // the end of an attempt to connect
	isDials  bool            // there is such an attempt
	stopped  <-chan struct{} // stopping, until it was seen
	timer    *time.Timer
	polledAt time.Time // when events were received last
}

// dialed is how an attempt to connect has ended.
type dialed struct {
	conn   conn
	isSelf bool
	err    error
}

// newLoop returns a loop that sends what is in q.
func newLoop(p policy, q *queue, look *lookup, dial dialFunc, r *report) *loop {
	l := &loop{
		machine:  newMachine(p, rand.Uint64()),
		queue:    q,
		lookup:   look,
		dial:     dial,
		report:   r,
		stopping: make(chan struct{}),
		done:     make(chan struct{}),
		dials:    make(chan dialed, 1),
	}
	l.expired, l.expire = context.WithCancel(context.Background())
	return l
}

// stop makes run send what is left and waits for its end, until ctx is done:
// then the rest is lost.
func (l *loop) stop(ctx context.Context) {
	defer l.expire()
	l.stopOnce.Do(func() {
		l.deadline, _ = ctx.Deadline()
		close(l.stopping)
	})
	select {
	case <-l.done:
	case <-ctx.Done():
		l.expire()
		<-l.done
	}
}

// run sends until stop.
func (l *loop) run() {
	defer close(l.done)
	l.stopped = l.stopping
	l.timer = time.NewTimer(forever)
	defer l.timer.Stop()
	addrs, err := l.lookup.result()
	l.machine.cause = err
	if len(addrs) > 0 {
		l.handle(event{kind: evResolved, addrs: addrs})
	}
	for {
		a := l.machine.next(time.Now())
		if a.kind == actDone {
			break
		}
		l.do(a)
	}
	l.expire()
	if l.isDials {
		if d := <-l.dials; d.conn != nil {
			d.conn.close()
		}
	}
	l.publish()
}

// handle hands the machine an event.
func (l *loop) handle(e event) { l.machine.handle(time.Now(), e) }

// do carries out an action and tells the machine so.
func (l *loop) do(a action) {
	switch a.kind {
	case actWait:
		l.wait(a)
		return
	case actWrite:
		l.write(a.seq)
		return
	case actProbe:
		err := l.conn.write(nil, time.Now())
		l.handle(event{kind: evDid, did: actProbe})
		l.look(err)
		return
	case actTrim:
		n, lines := l.trim(a.n)
		l.report.confirmed(0, lines, n)
		l.handle(event{kind: evTrimmed, n: n, lines: lines})
		return
	case actSeal:
		l.dequeue(true)
		l.openedAt = time.Time{}
	case actLookup:
		l.lookup.lookAgain()
	case actDial:
		l.connect(a.addr)
	case actCheck:
		l.look(nil)
	case actFinish:
		l.conn.finish()
	case actClose:
		l.conn.close()
		l.conn, l.news = nil, nil
	case actConfirm:
		l.report.confirmed(a.n, a.lines, a.bytes)
		l.remove(a.n)
	case actDrop:
		l.report.dropped(a)
		if a.isLast {
			l.remove(len(l.packets) - l.removed)
		}
	default:
		l.report.do(a)
	}
	l.handle(event{kind: evDid, did: a.kind})
}

// connect begins to connect to an address.
func (l *loop) connect(address string) {
	l.isDials = true
	go func() {
		c, isSelf, err := l.dial(l.expired, address)
		l.dials <- dialed{c, isSelf, err}
	}()
}

// connected takes the end of an attempt to connect.
func (l *loop) connected(d dialed) {
	l.isDials = false
	if d.err != nil {
		l.report.sendErrors++
		l.handle(event{kind: evDialFailed, err: d.err, isRefused: isRefused(d.err)})
		return
	}
	l.report.connections++
	l.conn, l.news = d.conn, d.conn.news()
	l.handle(event{kind: evDialed, isSelf: d.isSelf})
}

// pollInterval is how long the loop writes without a look at all else.
const pollInterval = writeTimeout

// write writes a packet.
func (l *loop) write(seq uint64) {
	now := time.Now()
	switch err := l.conn.write(l.packet(seq).bytes, now); {
	case err == nil:
		l.machine.handle(now, event{kind: evWrote, seq: seq})
	case errors.Is(err, errBusy):
		l.handle(event{kind: evBlocked})
	default:
		l.look(err)
	}
	if now.Sub(l.polledAt) > pollInterval {
		l.wait(action{until: now})
	}
}

// wait waits until a time, or until something happens, which it hands to the
// machine.
func (l *loop) wait(a action) {
	l.publish()
	l.timer.Reset(time.Until(a.until))
	opened, filled := l.queue.opened, l.queue.filled
	if a.isQuiet {
		opened, filled = nil, nil
	}
	select {
	case <-opened:
		l.openedAt = time.Now()
		l.handle(event{kind: evOpened})
	case <-filled:
		l.dequeue(false)
	case <-l.lookup.changed:
		if addrs, err := l.lookup.result(); err != nil {
			l.handle(event{kind: evLookupFailed, err: err})
		} else {
			l.handle(event{kind: evResolved, addrs: addrs})
		}
	case d := <-l.dials:
		l.connected(d)
	case <-l.news:
		l.look(nil)
	case <-l.stopped:
		l.stopped = nil
		l.handle(event{kind: evClosing, by: l.deadline})
	case <-l.expired.Done():
		l.handle(event{kind: evClosing, by: time.Now()})
	case <-l.timer.C:
		l.handle(event{kind: evTick})
	}
	l.polledAt = time.Now()
}

// publish makes the state visible to Send and Stats.
func (l *loop) publish() {
	m := l.machine
	waiting := len(m.flight.waiting())
	if l.queue.setUnsent(waiting) {
		l.report.log.Info("the send queue has room again")
	}
	l.report.isAway, l.report.awaySince = m.isAway, m.awaySince
	l.report.oldest = l.openedAt
	if waiting > 0 {
		l.report.oldest = l.packet(m.flight.nextSeq()).queuedAt
	}
	l.report.publish()
}
