package sender

import (
	"errors"
	"math/rand/v2"
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
	finishing              // nothing more is written on this connection
	done                   // the end
)

var stateNames = [...]string{"no address", "paused", "dialing", "probing", "up", "finishing", "done"}

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
//	                        ▲  ▲              │                │                │ address gone,
//	                        │  └─dial failed──┘                │                │ closing
//	                        ├──────────refused, ended──────────┘                ▼
//	                        └──────────refused, ended────────────────────── finishing ─▶ paused, done
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
	dialStart    time.Time // when the last attempt to connect began
	dialedAt     time.Time // when the connection was made
	proofAt      time.Time // probing: when silence has become a proof
	doubtUntil   time.Time // until then a lost packet may go unnoticed, so none is confirmed
	probeAt      time.Time // when to write an empty packet
	checkAt      time.Time // when to look what became of the packets in flight
	blockedUntil time.Time // the socket is full
	quietUntil   time.Time // a burst is over, the next one begins then
	finishUntil  time.Time // finishing: when to close the connection

	acked     int      // bytes of this connection that the server's kernel has
	confirmed int      // those of them whose packets were confirmed
	written   int      // packets written on this connection
	burst     int      // packets written without a pause
	again     []uint64 // packets that were dropped on the path and must be written again
	tooLong   int      // times in a row that the socket has rejected the next packet for its size

	// undecided is true after a connection of a stream has ended early: whether
	// the server got the packets in flight shows at the next attempt to connect.
	undecided   bool
	endedEarly  bool  // the last connection has ended early
	finishCause error // finishing: why; errMoved, errClosing, or how the connection ended

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
	return m.state == probing || m.state == up || m.state == finishing
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
		m.finish(now, errMoved)
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
		m.state, m.dialedAddr, m.dialStart = dialing, m.addrs.current().addr, now
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

// advance does what the time has come for.
func (m *machine) advance(now time.Time) {
	switch m.state {
	case probing:
		if m.isDue(m.proofAt, now) {
			m.recovered(now)
		}
	case finishing:
		if m.isFinished(now) {
			m.closeFinished(now)
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
