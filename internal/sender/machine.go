package sender

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// state is what a machine does with its server at the moment.
type state uint8

const (
	noAddress state = iota // the server's name is not known yet
	paused                 // no connection, until dialAt
	dialing                // connecting
	probing                // connected, but the server may still be away
	up                     // packets leave
	leaving                // nothing more is written on this connection
	done                   // the end
)

var stateNames = [...]string{"no address", "paused", "dialing", "probing", "up", "leaving", "done"}

func (s state) String() string { return stateNames[s] }

// errSelf says that a socket was given the server's own port as its local port,
// and is connected to itself. So nobody else listens there.
var errSelf = errors.New("nobody listens: the socket is connected to itself")

const (
	reasonShutdown = "shutdown"  // lines were not sent before Close returned
	reasonTooLarge = "too_large" // the socket takes no packet of this size
)

// machine decides how packets reach one server. It has no sockets, timers or
// locks: a loop hands it events and carries out its actions.
//
//	noAddress ─resolved─▶ paused ─dialAt─▶ dialing ─dialed─▶ probing ─proofAt─▶ up
//	                        ▲  ▲              │                │                │
//	                        │  └──dial failed─┘                │   address gone │ closing
//	                        ├──────────refused, ended──────────┘                ▼
//	                        └──────────refused, ended─────────────────────── leaving ─▶ paused, done
//
// The zero value of a time means never.
type machine struct {
	policy policy
	random *rand.Rand
	state  state
	todo   []action // to be carried out first, in order
	todoAt int      // how many of todo were carried out

	addrs  addresses
	flight inflight
	pacer  pacer

	openedAt     time.Time // first line of the open packet
	dialAt       time.Time // paused: when to connect
	dialedAddr   string    // what was or is being connected to
	dialedAt     time.Time // when the connection was made
	proofAt      time.Time // probing: when silence has become a proof
	doubtUntil   time.Time // until then a lost packet may go unnoticed, so none is confirmed
	probeAt      time.Time // when to write the next one
	checkAt      time.Time // when to look what became of the packets in flight
	blockedUntil time.Time // the socket is full
	quietUntil   time.Time // a burst is over, the next one begins then
	leaveUntil   time.Time // leaving: when to close the connection

	acked     int      // bytes of this connection that the server's kernel has
	confirmed int      // those of them whose packets were confirmed
	written   int      // packets written on this connection
	burst     int      // packets written without a pause
	again     []uint64 // packets that were dropped on the path and must be written again
	tooLong   int      // times in a row that the socket has rejected the next packet for its size

	// undecided is true after a connection of a stream has ended early: whether
	// the server got the packets in flight shows at the next attempt to connect.
	undecided  bool
	endedEarly bool  // the last connection has ended early
	leftFor    error // leaving: why; errMoved, errClosing, or how the connection ended

	failures   int // rounds of addresses that failed in a row
	isAway     bool
	awaySince  time.Time
	needsProof bool  // it was refused or not reached, so a connection alone does not mean that it is back
	cause      error // why the server is away
	isLogged   bool  // the log says so
	loggedAt   time.Time

	isTrimming bool // the first packet that waits will lose lines that have arrived

	isClosing bool
	isSealing bool // the queue is closed, and its last packets are still to be taken
	closeBy   time.Time
}

var (
	errMoved   = errors.New("statsd has moved")
	errClosing = errors.New("the sender is closed")
)

func newMachine(p policy, seed uint64) *machine {
	return &machine{policy: p, random: rand.New(rand.NewPCG(seed, seed))}
}

// handle takes note of an event. It changes the machine and does nothing else.
func (m *machine) handle(now time.Time, e event) {
	switch e.kind {
	case evDid:
		m.did(now, e.did)
	case evOpened:
		m.openedAt = now
	case evSealed:
		m.flight.add(e.n, e.lines)
		m.pacer.add(e.n)
	case evResolved:
		m.resolved(now, e.addrs)
	case evLookupFailed:
		m.lookupFailed(now, e.err)
	case evDialed:
		m.dialed(now, e.isSelf)
	case evDialFailed:
		m.dialFailed(now, e.err, e.isRefused)
	case evClosing:
		m.closing(now, e.by)
	case evTrimmed:
		m.did(now, actTrim)
		m.isTrimming = false
		m.flight.trim(e.n, e.lines)
	default:
		if m.isConnected() {
			m.handleConn(now, e)
		}
	}
	m.advance(now)
}

// isConnected reports whether there is a connection.
func (m *machine) isConnected() bool {
	return m.state == probing || m.state == up || m.state == leaving
}

// handleConn takes note of an event of the connection.
func (m *machine) handleConn(now time.Time, e event) {
	switch e.kind {
	case evWrote:
		m.wrote(now, e.seq)
	case evBlocked:
		m.blockedUntil = now.Add(m.policy.busyInterval)
	case evTooLong:
		m.packetTooLong(now)
	case evAcked:
		m.acked = max(m.acked, e.n)
	case evRefused:
		m.refused(now, e)
	case evCut:
		m.cut(e.seq, e.n)
	case evEnded:
		m.ended(now, e.err, e.isClosed)
	case evReplaced:
		m.leave(now, errMoved)
	}
}

// did takes note that an action was carried out.
func (m *machine) did(now time.Time, kind actionKind) {
	if len(m.todo) > 0 && m.todo[m.todoAt].kind == kind {
		if m.todoAt++; m.todoAt == len(m.todo) {
			m.todo, m.todoAt = m.todo[:0], 0
		}
		return
	}
	switch kind {
	case actSeal:
		m.openedAt = time.Time{}
		m.isSealing = false
	case actDial:
		m.state, m.dialedAddr = dialing, m.addrs.current().addr
	case actProbe:
		m.probed(now)
	case actCheck:
		m.checkAt = time.Time{}
		if m.policy.hasNoDelay || len(m.flight.written()) > 0 {
			m.checkAt = now.Add(m.checkInterval())
		}
	}
}

// do adds an action to those that are carried out first.
func (m *machine) do(a action) { m.todo = append(m.todo, a) }

// wrote takes note that a packet was written: the first one that waited, or one
// that is written again.
func (m *machine) wrote(now time.Time, seq uint64) {
	m.blockedUntil, m.tooLong = time.Time{}, 0
	if len(m.again) > 0 && m.again[0] == seq {
		m.again = m.again[1:]
		return
	}
	bytes := m.flight.waiting()[0].bytes
	m.flight.wrote(now)
	m.written++
	switch {
	case m.policy.isUDP:
		m.pacer.spend(bytes)
		m.startProof(now)
		m.probeAt = now.Add(m.policy.fastProbeInterval)
	case m.policy.hasAcks:
		m.checkAt = earlier(m.checkAt, now.Add(m.policy.ackInterval))
	default:
		m.acked += bytes + 1
	}
	if m.burst++; len(m.flight.waiting()) == 0 {
		if m.burst > 1 && !m.isClosing {
			m.quietUntil = now.Add(m.policy.burstInterval)
		}
		m.burst = 0
	}
}

// packetTooLong takes note that the socket rejects the next packet for its
// size. The error may belong to an earlier packet, so it counts the second time.
func (m *machine) packetTooLong(now time.Time) {
	if m.tooLong++; m.tooLong < 2 || len(m.flight.waiting()) == 0 {
		return
	}
	bytes, lines := m.flight.drop()
	m.do(action{kind: actDrop, bytes: bytes, lines: lines, reason: reasonTooLarge})
	m.flight.wrote(now)
	m.tooLong = 0
}

// cut takes note that packets longer than n bytes, from seq on, were dropped
// because of their size. They are written again, and the kernel fragments them
// now.
func (m *machine) cut(seq uint64, n int) {
	for i := max(seq, m.flight.firstSeq()); i < m.flight.nextSeq(); i++ {
		if m.flight.packets[i-m.flight.base].bytes > n && !slices.Contains(m.again, i) {
			m.again = append(m.again, i)
		}
	}
}

// advance does what the time has come for.
func (m *machine) advance(now time.Time) {
	switch m.state {
	case probing:
		if m.isDue(m.proofAt, now) {
			m.recovered(now)
		}
	case leaving:
		if m.hasLeft(now) {
			m.endLeaving(now)
		}
	}
	if m.state == up && m.isDue(m.doubtUntil, now) {
		m.trust(now)
	}
	if m.isConnected() {
		m.confirmOld(now)
		m.advancePacer(now)
	}
	if m.isClosing && !m.isSealing && m.state != done {
		m.advanceClosing(now)
	}
}

// isDue reports whether a time has come.
func (m *machine) isDue(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// earlier returns the earlier of two times, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// recovered takes note that the server takes packets.
func (m *machine) recovered(now time.Time) {
	m.state = up
	m.proofAt = time.Time{}
	m.startDoubt(now)
	m.pacer.start(now)
	switch {
	case m.doubtUntil.IsZero():
		m.trust(now)
	case m.addrs.current().evidence != balanced:
		m.reportBack(now)
	}
}

// trust takes note that the server is up without a doubt.
func (m *machine) trust(now time.Time) {
	m.doubtUntil = time.Time{}
	m.failures = 0
	m.addrs.tried = 0
	m.addrs.current().earlyEnds = 0
	m.reportBack(now)
}

// reportBack ends the time in which the server is away.
func (m *machine) reportBack(now time.Time) {
	if !m.isAway {
		return
	}
	m.isAway, m.needsProof, m.cause = false, false, nil
	if m.isLogged {
		m.isLogged = false
		m.do(action{kind: actBack, addr: m.addrs.current().addr, duration: now.Sub(m.awaySince), bytes: m.flight.waitingBytes})
	}
}

// resolved takes note of the server's addresses.
func (m *machine) resolved(now time.Time, addrs []string) {
	var before string
	if len(m.addrs.paths) > 0 {
		before = m.addrs.current().addr
	}
	isKept := m.addrs.set(addrs)
	switch m.state {
	case noAddress:
		m.state, m.dialAt = paused, now
	case paused:
		m.dialAt = now
		if !isKept && m.undecided {
			m.confirmArrived()
		}
	case probing, up:
		if isKept {
			return
		}
		m.do(action{kind: actMoved, addr: before})
		if m.state == probing && m.policy.isUDP { // a packet in flight may be lost
			m.flight.rewind(m.flight.firstSeq())
			m.do(action{kind: actClose})
			m.state, m.dialAt = paused, now
			return
		}
		m.leave(now, errMoved)
	}
}

// lookupFailed takes note that the server's name was not found. The addresses
// that are known stay in use.
func (m *machine) lookupFailed(now time.Time, err error) {
	if m.state == noAddress && !m.isAway {
		m.isAway, m.awaySince = true, now
	}
	isKept := len(m.addrs.paths) > 0
	if !isKept {
		m.cause = err
	}
	m.do(action{kind: actNotFound, err: err, isKept: isKept})
}

// closing takes note of Close.
func (m *machine) closing(now time.Time, by time.Time) {
	if !m.isClosing {
		m.isClosing, m.isSealing = true, true
	}
	m.closeBy = by
	m.quietUntil = time.Time{}
	m.hurry(now)
}

// hurry shortens a proof or a doubt that would outlast Close: it is better to
// send packets to a server that may be away than not at all.
func (m *machine) hurry(now time.Time) {
	if !m.isClosing || m.closeBy.IsZero() {
		return
	}
	half := now.Add(m.closeBy.Sub(now) / 2)
	if !m.proofAt.IsZero() {
		m.proofAt = earlier(m.proofAt, half)
	}
	if !m.doubtUntil.IsZero() {
		m.doubtUntil = earlier(m.doubtUntil, half)
	}
}

// advanceClosing ends the machine if nothing is left, or if the time is over.
func (m *machine) advanceClosing(now time.Time) {
	if m.isDue(m.closeBy, now) {
		m.giveUp()
		return
	}
	if len(m.flight.waiting()) > 0 {
		return
	}
	switch m.state {
	case probing, up:
		if m.state == probing && m.policy.isUDP && len(m.flight.written()) > 0 {
			return // it may be refused
		}
		if len(m.flight.written()) > 0 || m.policy.isStream {
			m.leave(now, errClosing)
			return
		}
		m.do(action{kind: actClose})
	case leaving:
		return
	case paused, dialing:
		if m.undecided && len(m.flight.written()) > 0 {
			return
		}
	}
	m.state = done
}

// giveUp ends the machine and counts as lost what the server has not got.
func (m *machine) giveUp() {
	if m.isConnected() {
		m.do(action{kind: actClose})
	}
	if m.state == probing && m.policy.isUDP {
		m.flight.rewind(m.flight.firstSeq())
	}
	m.state = paused
	m.confirmArrived()
	if m.isTrimming {
		return // some lines of the first packet have arrived
	}
	drop := action{n: len(m.flight.waiting())}
	drop.bytes, drop.lines = m.flight.dropAll()
	if drop.n > 0 {
		drop.kind, drop.reason, drop.err, drop.isLast = actDrop, reasonShutdown, m.cause, true
		m.do(drop)
	}
	m.state = done
}
