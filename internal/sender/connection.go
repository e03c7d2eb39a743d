package sender

import (
	"slices"
	"time"
)

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
			m.rewind()
			m.do(action{kind: actClose})
			m.state, m.dialAt = paused, now
			return
		}
		m.finish(now, errMoved)
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

// dialed takes note of a connection. isSelf says that both its ends are ours.
func (m *machine) dialed(now time.Time, isSelf bool) {
	if m.state != dialing {
		return
	}
	p := m.addrs.current()
	if p.addr != m.dialedAddr { // it is not one of the server's any more
		m.do(action{kind: actClose})
		m.confirmArrived()
		m.state, m.dialAt = paused, now
		return
	}
	if isSelf {
		m.do(action{kind: actClose})
		m.noDial(now, errSelf, true)
		return
	}
	if m.undecided {
		p.evidence = balanced
		m.undecided = false
	}
	m.rewind()
	m.written, m.burst, m.tooLong = 0, 0, 0
	m.again = m.again[:0]
	m.dialedAt, m.endedEarly = now, false
	m.blockedUntil, m.quietUntil, m.checkAt = time.Time{}, time.Time{}, time.Time{}
	m.doubtUntil, m.proofAt = time.Time{}, time.Time{}
	if m.policy.hasNoDelay {
		m.checkAt = now.Add(m.policy.fileInterval)
	}
	switch {
	case m.policy.isStream && m.policy.probation > 0:
		m.state, m.proofAt = probing, now.Add(m.policy.probation)
		m.startDoubt(now)
		m.hurry(now)
	case m.policy.isUDP && m.needsProof:
		m.state, m.probeAt = probing, now
	default:
		m.recovered(now)
	}
}

// dialFailed takes note that there is no connection.
func (m *machine) dialFailed(now time.Time, err error, isRefused bool) {
	if m.state != dialing {
		return
	}
	if m.addrs.current().addr != m.dialedAddr {
		m.confirmArrived()
		m.state, m.dialAt = paused, now
		return
	}
	m.noDial(now, err, isRefused)
}

// noDial takes note that the server is away. If nobody listens at the address
// of a stream after a connection has ended early, the server itself accepted
// that connection, and has what its kernel acknowledged.
func (m *machine) noDial(now time.Time, err error, isRefused bool) {
	p := m.addrs.current()
	if isRefused && m.policy.isStream {
		p.earlyEnds = 0
		if m.endedEarly {
			p.evidence = direct
		}
	}
	if m.undecided {
		m.confirmArrived()
	}
	p.lastRefusal = now
	m.away(now, err)
	// An attempt that took long was a part of the pause.
	m.dialAt = later(now, m.dialAt.Add(m.dialStart.Sub(now)))
}

// finish ends a connection in good order, because of why. Nothing more is
// written on it.
func (m *machine) finish(now time.Time, why error) {
	m.state, m.finishCause = finishing, why
	m.do(action{kind: actFinish})
	m.checkAt = now
	switch {
	case m.policy.isUDP && m.addrs.current().evidence == prompt:
		m.finishUntil = now.Add(m.policy.promptHold)
	case m.policy.isUDP:
		m.finishUntil = now.Add(m.policy.refusalTime)
	case why == errClosing:
		m.finishUntil = m.closeBy
	default:
		m.finishUntil = now.Add(m.policy.finishTimeout)
	}
}

// isFinished reports whether the machine knows what became of the packets in
// flight, or the time for that is over.
func (m *machine) isFinished(now time.Time) bool {
	if m.isDue(m.finishUntil, now) {
		return true
	}
	return !m.policy.isUDP && m.arrived() == len(m.flight.written())
}

// closeFinished closes a connection after finish.
func (m *machine) closeFinished(now time.Time) {
	if m.finishCause != errMoved && m.finishCause != errClosing {
		m.endStream(now, m.finishCause)
		return
	}
	m.do(action{kind: actClose})
	m.confirmArrived()
	m.state, m.dialAt = paused, now
}
