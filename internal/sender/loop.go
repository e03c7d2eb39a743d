package sender

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// loop carries out the actions of a machine. It owns the socket, the timer and the
// bytes of the packets. Only the goroutine of run uses it, except for the fields that
// stop uses.
type loop struct {
	machine *machine
	queue   *queue
	lookup  *lookup
	dial    dialFunc
	report  *report

	stopOnce sync.Once
	stopping chan struct{}   // closed by stop
	deadline time.Time       // when stop must return, zero for never; set before stopping is closed
	expired  context.Context // done when the context of stop is done, or run ends
	expire   context.CancelFunc
	done     chan struct{} // closed when the goroutine is gone

	packets  []*buffer // the packets of machine.packets, with their bytes
	base     uint64    // the number of packets[0]
	removed  int       // the number of packets at the start that are removed
	openedAt time.Time // when the open packet got its first line, zero if it has none

	conn          conn            // nil if there is no connection
	statusChanged <-chan struct{} // of conn
	dialResults   chan dialResult // receives the result of an attempt to connect
	isDialing     bool            // an attempt to connect is under way
	stopped       <-chan struct{} // stopping, or nil after run has seen that it is closed
	timer         *time.Timer
	now           time.Time // when the last event was passed to the machine
	polledAt      time.Time // when the loop last received events
}

// dialResult is the result of an attempt to connect.
type dialResult struct {
	conn          conn
	isSelfConnect bool
	err           error
}

// newLoop returns a loop that sends the packets of q.
func newLoop(p policy, q *queue, look *lookup, dial dialFunc, r *report) *loop {
	l := &loop{
		machine:     newMachine(p, rand.Uint64()),
		queue:       q,
		lookup:      look,
		dial:        dial,
		report:      r,
		stopping:    make(chan struct{}),
		done:        make(chan struct{}),
		dialResults: make(chan dialResult, 1),
	}
	l.expired, l.expire = context.WithCancel(context.Background())
	return l
}

// stop makes run send the remaining packets and end, and waits for that. When ctx is
// done, the packets that are left are lost.
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

// run sends packets until stop is called and no packets are left.
func (l *loop) run() {
	defer close(l.done)
	l.stopped = l.stopping
	l.now = time.Now()
	l.timer = time.NewTimer(forever)
	defer l.timer.Stop()
	addrs, err := l.lookup.result()
	l.machine.cause = err
	if len(addrs) > 0 {
		l.handle(event{kind: evResolved, addrs: addrs})
	}
	for {
		a := l.machine.next(l.now) // each action has passed an event to the machine just now
		if a.kind == actStop {
			break
		}
		l.perform(a)
	}
	l.expire()
	if l.isDialing {
		if d := <-l.dialResults; d.conn != nil {
			d.conn.close()
		}
	}
	l.publish()
	l.queue.free()
}

// handle passes an event to the machine.
func (l *loop) handle(e event) {
	l.now = time.Now()
	l.machine.handle(l.now, e)
}

// perform carries out an action of the machine, and reports that to the machine.
func (l *loop) perform(a action) {
	switch a.kind {
	case actWait:
		l.wait(a)
		return
	case actWrite:
		l.write(a.seq)
		return
	case actCheck:
		l.checkConn(nil)
		return
	case actProbe:
		err := l.conn.write(nil, l.now)
		if errors.Is(err, errBusy) {
			err = nil // no refusal: the next probe follows soon
		}
		l.handle(event{kind: evActionDone, done: actProbe})
		l.checkConn(err)
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
		l.lookup.request()
	case actDial:
		l.connect(a.addr)
	case actFinish:
		l.conn.finish()
	case actClose:
		l.conn.close()
		l.conn, l.statusChanged = nil, nil
	case actRenew:
		l.conn.(renewer).renew()
	case actCloseOld:
		if len(l.machine.packets.written()) > 0 {
			l.checkConn(nil) // the process may have been paused, so refusals may be unread
		}
		l.conn.(renewer).closeOld()
	case actConfirm:
		l.report.confirmed(a.n, a.lines, a.bytes)
		l.remove(a.n)
	case actDrop:
		l.report.dropped(a)
		if a.isLast {
			l.remove(len(l.packets) - l.removed)
		}
	default:
		l.report.logAction(a)
	}
	l.handle(event{kind: evActionDone, done: a.kind})
}

// connect begins to connect to an address. The result arrives in dialResults.
func (l *loop) connect(address string) {
	l.isDialing = true
	go func() {
		c, isSelfConnect, err := l.dial(l.expired, address)
		l.dialResults <- dialResult{c, isSelfConnect, err}
	}()
}

// connected handles the result of an attempt to connect.
func (l *loop) connected(d dialResult) {
	l.isDialing = false
	if d.err != nil {
		l.report.sendErrors++
		l.handle(event{kind: evDialFailed, err: d.err, isRefused: isRefused(d.err)})
		return
	}
	l.report.connections++
	l.conn, l.statusChanged = d.conn, d.conn.statusChanged()
	l.handle(event{kind: evDialed, isSelfConnect: d.isSelfConnect})
}

// pollInterval is the maximum time for which the loop only writes packets. Then it
// receives other events, if there are any.
const pollInterval = writeTimeout

// write writes packet seq.
func (l *loop) write(seq uint64) {
	switch err := l.conn.write(l.packet(seq).bytes, l.now); {
	case err == nil:
		l.handle(event{kind: evWrote, seq: seq}) // at the time after the write: refusals may arrive from then on
	case errors.Is(err, errBusy):
		l.handle(event{kind: evBlocked})
	default:
		l.checkConn(err)
	}
	if l.now.Sub(l.polledAt) > pollInterval {
		l.wait(action{until: l.now})
	}
}

// wait waits for an event until a.until, and passes it to the machine.
func (l *loop) wait(a action) {
	l.publish()
	l.timer.Reset(time.Until(a.until))
	opened, filled := l.queue.opened, l.queue.filled
	if a.isQuiet {
		opened, filled = nil, nil
	}
	select {
	case <-opened:
		l.handle(event{kind: evPacketOpened})
		l.openedAt = l.now
	case <-filled:
		l.dequeue(false)
	case <-l.lookup.changed:
		if addrs, err := l.lookup.result(); err != nil {
			l.handle(event{kind: evLookupFailed, err: err})
		} else {
			l.handle(event{kind: evResolved, addrs: addrs})
		}
	case d := <-l.dialResults:
		l.connected(d)
	case <-l.statusChanged:
		l.checkConn(nil)
	case <-l.stopped:
		l.stopped = nil
		l.handle(event{kind: evClosing, deadline: l.deadline})
	case <-l.expired.Done():
		l.handle(event{kind: evClosing, deadline: time.Now()})
	case <-l.timer.C:
		l.handle(event{kind: evTick})
	}
	l.polledAt = l.now
}

// publish makes the state of the loop visible to Send and Stats.
func (l *loop) publish() {
	m := l.machine
	waiting := len(m.packets.waiting())
	if l.queue.setUnsent(waiting) {
		l.report.log.Info("the send queue has room again")
	}
	l.report.isAway, l.report.awaySince = m.isAway, m.awaySince
	l.report.oldest = l.openedAt
	if waiting > 0 {
		l.report.oldest = time.Unix(0, l.packet(m.packets.nextSeq()).queuedAt)
	}
	l.report.publish()
}
