package sender

import (
	"slices"
	"time"
)

// packetTooLong handles evTooLong. The first error in a row may belong to an earlier
// packet, so the machine tries again. After the second one it drops the packet.
func (m *machine) packetTooLong(now time.Time) {
	if m.tooLongCount++; m.tooLongCount < 2 || len(m.packets.waiting()) == 0 {
		return
	}
	bytes, lines := m.packets.drop()
	m.addTodo(action{kind: actDrop, bytes: bytes, lines: lines, reason: reasonTooLarge})
	m.packets.markWritten(now)
	m.tooLongCount = 0
}

// mtuExceeded handles evMTUExceeded. The packets are written again: the kernel now
// knows the MTU of the path and fragments them.
func (m *machine) mtuExceeded(seq uint64, n int) {
	for i := max(seq, m.packets.firstSeq()); i < m.packets.nextSeq(); i++ {
		if m.packets.list[i-m.packets.base].bytes > n && !slices.Contains(m.toRewrite, i) {
			m.toRewrite = append(m.toRewrite, i)
		}
	}
}

// resolved handles evResolved. It moves to another address if the one in use is gone.
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
		m.addTodo(action{kind: actMoved, addr: before})
		if m.state == probing && m.policy.isUDP { // a packet in flight may be lost
			m.rewind()
			m.addTodo(action{kind: actClose})
			m.state, m.dialAt = paused, now
			return
		}
		m.finish(now, errMoved)
	}
}

// lookupFailed handles evLookupFailed. The addresses from an earlier lookup stay in
// use.
func (m *machine) lookupFailed(now time.Time, err error) {
	if m.state == noAddress && !m.isAway {
		m.isAway, m.awaySince = true, now
	}
	isKept := len(m.addrs.paths) > 0
	if !isKept {
		m.cause = err
	}
	m.addTodo(action{kind: actNotFound, err: err, isKept: isKept})
}

// dialed handles evDialed.
func (m *machine) dialed(now time.Time, isSelfConnect bool) {
	if m.state != dialing {
		return
	}
	p := m.addrs.current()
	if p.addr != m.dialedAddr { // a lookup has replaced the addresses meanwhile
		m.addTodo(action{kind: actClose})
		m.confirmArrived()
		m.state, m.dialAt = paused, now
		return
	}
	if isSelfConnect {
		m.addTodo(action{kind: actClose})
		m.handleDialError(now, errSelfConnect, true)
		return
	}
	if m.undecided {
		p.kind = balancedPath
		m.undecided = false
	}
	m.rewind()
	m.written, m.burst, m.tooLongCount = 0, 0, 0
	m.toRewrite = m.toRewrite[:0]
	m.dialedAt, m.connectedAddr, m.endedEarly = now, p.addr, false
	m.renewedAt, m.oldUntil = now, time.Time{}
	m.blockedUntil, m.quietUntil, m.checkAt = time.Time{}, time.Time{}, time.Time{}
	m.doubtUntil, m.upAt = time.Time{}, time.Time{}
	if m.policy.isUnix {
		m.checkAt = now.Add(m.policy.fileInterval)
	}
	switch {
	case m.policy.isStream && m.policy.probation > 0:
		m.state, m.upAt = probing, now.Add(m.policy.probation)
		m.startDoubt(now)
		m.shortenWaits(now)
	case m.policy.isUDP && m.mustProbe:
		m.state, m.probeAt = probing, now
	default:
		m.recovered(now)
	}
}

// dialFailed handles evDialFailed.
func (m *machine) dialFailed(now time.Time, err error, isRefused bool) {
	if m.state != dialing {
		return
	}
	if m.addrs.current().addr != m.dialedAddr {
		m.confirmArrived()
		m.state, m.dialAt = paused, now
		return
	}
	m.handleDialError(now, err, isRefused)
}

// handleDialError records that the server is away. If a stream's connection ended early
// and the next attempt to connect to its address is refused, the path has no load
// balancer. The server itself accepted that connection, so it has the bytes that its
// kernel acknowledged.
func (m *machine) handleDialError(now time.Time, err error, isRefused bool) {
	p := m.addrs.current()
	if isRefused && m.policy.isStream {
		p.earlyEnds, p.isRetried = 0, false
		if m.endedEarly && p.addr == m.connectedAddr {
			p.kind = directPath
		}
	}
	if m.undecided {
		m.confirmArrived()
	}
	p.lastRefusal = now
	m.away(now, err)
	// The time of the attempt counts towards the pause.
	m.dialAt = later(now, m.dialAt.Add(m.dialStart.Sub(now)))
}

// finish ends a connection gracefully because of cause: the machine writes no more
// packets, and closes the connection when it knows what became of those in flight.
func (m *machine) finish(now time.Time, cause error) {
	m.state, m.finishCause = finishing, cause
	m.addTodo(action{kind: actFinish})
	m.checkAt = now
	switch {
	case m.policy.isUDP && m.addrs.current().kind == promptPath:
		m.finishDeadline = now.Add(m.policy.promptRefusalTimeout)
	case m.policy.isUDP:
		m.finishDeadline = now.Add(m.policy.lastRefusalTimeout)
	case cause == errClosing:
		m.finishDeadline = m.closeDeadline
	default:
		m.finishDeadline = now.Add(m.policy.finishTimeout)
	}
}

// closeFinished closes the connection when the machine knows what became of the packets
// in flight, or finishDeadline has passed.
func (m *machine) closeFinished(now time.Time) {
	if m.finishCause != errMoved && m.finishCause != errClosing {
		m.endStream(now, m.finishCause)
		return
	}
	m.addTodo(action{kind: actClose})
	m.confirmArrived()
	m.state, m.dialAt = paused, now
}
