package sender

import (
	"errors"
	"math/rand/v2"
	"time"
)

// state is the state of the connection to the server.
type state uint8

const (
	noAddress state = iota // the server's name is not resolved yet
	paused                 // not connected; dialing begins at dialAt
	dialing                // connecting
	probing                // connected, but the server may be away
	up                     // packets are sent
	finishing              // no more packets are written on this connection
	done                   // closed
)

var stateNames = [...]string{"no address", "paused", "dialing", "probing", "up", "finishing", "done"}

func (s state) String() string { return stateNames[s] }

// errSelfConnect says that a socket is connected to itself: the kernel chose the
// server's port as its local port, so no server listens there.
var errSelfConnect = errors.New("nobody listens: the socket is connected to itself")

const (
	reasonShutdown = "shutdown"  // the lines were not sent before Close returned
	reasonTooLarge = "too_large" // the packet is too large for the socket
)

// machine decides when to connect to one server and when to write packets to it. It
// has no sockets, timers or locks: a loop passes events to it and carries out its
// actions.
//
//	noAddress ─resolved─▶ paused ─dialAt─▶ dialing ─dialed─▶ probing ───upAt──▶ up
//	                        ▲  ▲              │                │                │ address removed,
//	                        │  └─dial failed──┘                │                │ closing
//	                        ├──────────refused, ended──────────┘                ▼
//	                        └──────────refused, ended────────────────────── finishing ─▶ paused, done
//
// If nothing is refused and no connection ends for a certain time, the machine concludes
// that the server is up, or has the packets in flight. The process may have been paused
// during that time, so the machine concludes only when the loop has checked the
// connection afterwards; see checked.
//
// The zero value of a time means never.
type machine struct {
	policy   policy
	random   *rand.Rand
	state    state
	todo     []action // actions that go before all others, in order
	todoDone int      // the number of actions of todo that were carried out

	addrs   addresses
	packets packetList
	pacer   pacer

	openedAt       time.Time // when the open packet got its first line; see queue.open
	dialAt         time.Time // paused: when to connect
	dialedAddr     string    // the address of the last attempt to connect
	dialStart      time.Time // when that attempt began
	dialedAt       time.Time // when the last connection was made
	connectedAddr  string    // its address
	upAt           time.Time // probing: the server counts as up if nothing fails before this time
	doubtUntil     time.Time // packets may be lost unnoticed before this time, so none is confirmed
	probeAt        time.Time // when to write an empty packet
	checkAt        time.Time // when to check what became of the packets in flight
	checkedAt      time.Time // when the last check of a connection began
	blockedUntil   time.Time // the socket was full; when to write again
	quietUntil     time.Time // a burst of packets has ended; when the next one may begin
	finishDeadline time.Time // finishing: when to close the connection
	renewedAt      time.Time // when the socket was opened or renewed
	oldUntil       time.Time // when to close the socket that was in use before the last renewal

	acked        int      // bytes of this connection that the server's kernel has acknowledged
	confirmed    int      // bytes of this connection whose packets are confirmed
	written      int      // packets written on this connection
	burst        int      // packets written without a pause
	toRewrite    []uint64 // the numbers of packets that were dropped as too long for the path, and are to be written again
	tooLongCount int      // how often in a row the socket has rejected the next packet as too long

	// undecided is true after a stream's connection ended early on an unknown path.
	// The next attempt to connect shows whether the server got the packets in flight.
	undecided   bool
	endedEarly  bool  // the last connection ended soon after it was made
	finishCause error // finishing: errMoved, errClosing, or the error that ended the connection

	failures  int // the number of rounds in a row in which all addresses failed
	isAway    bool
	awaySince time.Time
	mustProbe bool  // the last address failed, so a UDP server counts as up only after a probe
	cause     error // why the server is away
	isLogged  bool  // the log says that the server is away
	loggedAt  time.Time

	isTrimming bool // actTrim is pending: the first waiting packet will lose lines that have arrived

	isClosing     bool
	isSealing     bool      // the queue is closed, and its last packets are still to be taken
	closeDeadline time.Time // when Close must return; zero for never
}

var (
	errMoved   = errors.New("statsd has moved")
	errClosing = errors.New("the sender is closed")
)

func newMachine(p policy, seed uint64) *machine {
	return &machine{policy: p, random: rand.New(rand.NewPCG(seed, seed))}
}

// handle updates the machine for an event.
func (m *machine) handle(now time.Time, e event) {
	switch e.kind {
	case evActionDone:
		m.actionDone(now, e.done)
	case evPacketOpened:
		m.openedAt = now
	case evPacketSealed:
		m.packets.add(e.n, e.lines)
		m.pacer.add(e.n)
	case evResolved:
		m.resolved(now, e.addrs)
	case evLookupFailed:
		m.lookupFailed(now, e.err)
	case evDialed:
		m.dialed(now, e.isSelfConnect)
	case evDialFailed:
		m.dialFailed(now, e.err, e.isRefused)
	case evClosing:
		m.closing(now, e.deadline)
	case evTrimmed:
		m.actionDone(now, actTrim)
		m.isTrimming = false
		m.packets.trim(e.n, e.lines)
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

// handleConn handles an event of the connection.
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
	case evMTUExceeded:
		m.mtuExceeded(e.seq, e.n)
	case evConnEnded:
		m.ended(now, e.err, e.isClosed)
	case evSocketReplaced:
		m.finish(now, errMoved)
	case evChecked:
		m.checked(now, e.checkedAt)
	}
}

// actionDone records that the loop has carried out an action.
func (m *machine) actionDone(now time.Time, kind actionKind) {
	if len(m.todo) > 0 && m.todo[m.todoDone].kind == kind {
		if m.todoDone++; m.todoDone == len(m.todo) {
			m.todo, m.todoDone = m.todo[:0], 0
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
		m.wroteProbe(now)
	case actRenew:
		m.renewed(now)
	case actCloseOld:
		m.oldUntil = time.Time{}
	}
}

// addTodo adds an action that goes before all others.
func (m *machine) addTodo(a action) { m.todo = append(m.todo, a) }

// wrote records that a packet was written: the first waiting packet, or the first one
// of toRewrite.
func (m *machine) wrote(now time.Time, seq uint64) {
	m.blockedUntil, m.tooLongCount = time.Time{}, 0
	if len(m.toRewrite) > 0 && m.toRewrite[0] == seq {
		m.toRewrite = m.toRewrite[1:]
		return
	}
	bytes := m.packets.waiting()[0].bytes
	m.packets.markWritten(now)
	m.written++
	switch {
	case m.policy.isUDP:
		m.pacer.spend(bytes)
		m.setUpAt(now)
	case m.policy.hasAcks:
		m.checkAt = earlier(m.checkAt, now.Add(m.policy.ackInterval))
	default:
		m.acked += bytes + 1
	}
	if m.burst++; len(m.packets.waiting()) == 0 {
		if m.burst > 1 && !m.isClosing {
			m.quietUntil = now.Add(m.policy.burstInterval)
		}
		m.burst = 0
	}
}

// advance does everything that is due and needs no check of the connection.
func (m *machine) advance(now time.Time) {
	if m.state == finishing && !m.policy.isUDP && m.arrived() == len(m.packets.written()) {
		m.closeFinished(now)
	}
	if m.isConnected() {
		m.confirmOld()
		m.advancePacer(now)
	}
	if m.isClosing && !m.isSealing && m.state != done {
		m.advanceClosing(now)
	}
}

// isDue reports whether the time at has come. The zero time never comes.
func (m *machine) isDue(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// earlier returns the earlier of two times. The zero time means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
