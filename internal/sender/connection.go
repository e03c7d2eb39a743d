package sender

import (
	"errors"
	"slices"
	"time"
)

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
	m.flight.rewind(m.flight.firstSeq())
	m.acked, m.confirmed, m.written, m.burst, m.tooLong = 0, 0, 0, 0, 0
	m.again = m.again[:0]
	m.dialedAt = now
	m.blockedUntil, m.checkAt, m.doubtUntil, m.proofAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
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
}

// startDoubt begins a time in which packets may be lost unnoticed.
//
// A stream whose connections may end at a balancer is in doubt from its start.
// UDP is in doubt after an outage if other senders may have taken our share of
// the refusals.
func (m *machine) startDoubt(now time.Time) {
	p := m.addrs.current()
	switch {
	case m.policy.isStream:
		if p.evidence != direct {
			m.doubtUntil = m.dialedAt.Add(m.policy.doubt)
		}
	case m.policy.isUDP && m.needsProof && p.evidence != prompt:
		const enough = 3 // refusals that tell how regular they are
		if p.refusals < enough || m.isMissing(p.longestGap) {
			m.doubtUntil = now.Add(m.policy.silence)
			m.probeAt = now
		}
	}
	m.hurry(now)
}

// isMissing reports whether a refusal of each of our probes would have come in
// less than a time.
func (m *machine) isMissing(gap time.Duration) bool { return gap > m.policy.icmpInterval*3/2 }

// probed takes note that an empty packet was written.
func (m *machine) probed(now time.Time) {
	if m.state == up || m.isMissing(now.Sub(later(m.addrs.current().lastRefusal, m.dialedAt))) {
		m.probeAt = now.Add(m.policy.fastProbeInterval)
	} else {
		// Another sender that probes at the same rate must not always come first.
		m.probeAt = now.Add(m.policy.probeInterval*3/4 + time.Duration(m.random.Int64N(int64(m.policy.probeInterval)/2)))
	}
	m.startProof(now)
}

// startProof decides how long the server must not refuse a packet to count as
// up, when the first one was written.
func (m *machine) startProof(now time.Time) {
	if m.state != probing || !m.policy.isUDP || !m.proofAt.IsZero() {
		return
	}
	p := m.addrs.current()
	silence := min(max(m.policy.silence, 3*p.longestGap), m.policy.maxSilence)
	switch {
	case p.evidence == prompt:
		silence = m.policy.promptHold
	case p.lastRefusal.Before(m.awaySince):
		silence = m.policy.freshSilence
	}
	m.proofAt = now.Add(silence)
	m.hurry(now)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// refused takes note that packet seq and all after it came back. isPrompt says
// that each refusal arrives at once. A refusal by our own host says that the
// server's host was not found, for which the kernel has looked for resolveTime.
func (m *machine) refused(now time.Time, e event) {
	p := m.path()
	if m.state != probing && m.doubtUntil.IsZero() {
		p.startOutage()
	}
	if !e.isOurs {
		p.refused(now, e.isPrompt)
	}
	p.lastRefusal = now

	seq := min(max(e.seq, m.flight.firstSeq()), m.flight.nextSeq())
	if !m.doubtUntil.IsZero() || m.state == probing {
		seq = m.flight.firstSeq()
	}
	if e.isOurs {
		for seq > m.flight.firstSeq() && now.Sub(m.flight.packets[seq-1-m.flight.base].sent) <= m.policy.resolveTime {
			seq--
		}
	}
	m.confirm(int(seq - m.flight.firstSeq()))
	m.flight.rewind(seq)
	m.do(action{kind: actClose})
	if m.state == leaving && m.leftFor == errMoved {
		m.state, m.dialAt = paused, now
		return
	}
	m.away(now, e.err)
}

// path returns what is known about the address of the connection. That may not
// be one of the server's any more.
func (m *machine) path() *path {
	if p := m.addrs.current(); p.addr == m.dialedAddr {
		return p
	}
	return &path{}
}

// ended takes note that a stream's connection is over. If only the server's end
// is, the server may still read what was written.
func (m *machine) ended(now time.Time, err error, isClosed bool) {
	isHalf := errors.Is(err, errEnded)
	if m.state == leaving && isHalf {
		return // it is known when its kernel has acknowledged all
	}
	if m.state != leaving || m.leftFor == errMoved || m.leftFor == errClosing {
		m.endedEarly = m.policy.isStream && isClosed && now.Before(m.dialedAt.Add(m.policy.doubt))
	}
	if isHalf && m.policy.hasAcks && m.arrived() < len(m.flight.written()) {
		m.leave(now, err)
		return
	}
	m.endStream(now, err)
}

// endStream gives up a connection that the server, or the network, has ended.
func (m *machine) endStream(now time.Time, err error) {
	p := m.path()
	m.do(action{kind: actClose})
	if !m.endedEarly {
		m.confirmArrived()
		m.away(now, err)
		return
	}
	if p.evidence == direct {
		const tooOften = 2
		if p.earlyEnds++; p.earlyEnds >= tooOften {
			p.evidence = balanced
		}
	}
	switch p.evidence {
	case unknown:
		m.undecided = true
		m.away(now, err)
	case balanced:
		m.flight.rewind(m.flight.firstSeq())
		m.away(now, err)
	default:
		m.confirmArrived()
		m.away(now, err)
	}
}

// away takes note that the server is away, and decides when to connect again.
func (m *machine) away(now time.Time, err error) {
	p := m.addrs.current()
	if !m.isAway {
		m.isAway, m.awaySince = true, now
	}
	m.cause, m.needsProof = err, true
	m.state = paused
	m.doubtUntil, m.proofAt = time.Time{}, time.Time{}
	m.do(action{kind: actLookup})
	if !m.isLogged && (m.loggedAt.IsZero() || now.Sub(m.loggedAt) >= logInterval) {
		m.isLogged, m.loggedAt = true, now
		m.do(action{kind: actAway, addr: p.addr, err: err})
	}
	switch {
	case m.undecided:
		m.dialAt = now // whether somebody listens there now tells who accepted the last connection
	case !m.addrs.failed():
		m.dialAt = now
	default:
		m.failures++
		m.dialAt = now.Add(m.backoff())
	}
}

// logInterval is the shortest time between two entries of the log that the
// server is away.
const logInterval = time.Second

// backoff returns how long to wait after a round of addresses has failed.
func (m *machine) backoff() time.Duration {
	d := m.policy.retryInterval
	for range m.failures - 1 {
		if d = min(2*d, m.policy.maxRetryInterval); d == m.policy.maxRetryInterval {
			break
		}
	}
	if m.policy.maxRetryInterval > m.policy.retryInterval {
		d = d/2 + time.Duration(m.random.Int64N(int64(d)/2+1))
	}
	return d
}

// leave ends a connection in good order because of why: nothing more is
// written on it.
func (m *machine) leave(now time.Time, why error) {
	m.state, m.leftFor = leaving, why
	m.do(action{kind: actFinish})
	m.checkAt = now
	switch {
	case m.policy.isUDP && m.addrs.current().evidence == prompt:
		m.leaveUntil = now.Add(m.policy.promptHold)
	case m.policy.isUDP:
		m.leaveUntil = now.Add(m.policy.refusalTime)
	case why == errClosing:
		m.leaveUntil = m.closeBy
	default:
		m.leaveUntil = now.Add(m.policy.finishTimeout)
	}
}

// hasLeft reports whether it is known what became of the packets in flight, or
// the time for that is over.
func (m *machine) hasLeft(now time.Time) bool {
	if m.isDue(m.leaveUntil, now) {
		return true
	}
	return !m.policy.isUDP && m.arrived() == len(m.flight.written())
}

// endLeaving closes a connection that was left.
func (m *machine) endLeaving(now time.Time) {
	if m.leftFor != errMoved && m.leftFor != errClosing {
		m.endStream(now, m.leftFor)
		return
	}
	m.do(action{kind: actClose})
	m.confirmArrived()
	m.state, m.dialAt = paused, now
	m.doubtUntil, m.proofAt = time.Time{}, time.Time{}
}

// arrived returns how many of the packets in flight the server, or its kernel,
// has got as far as is known, the oldest first.
func (m *machine) arrived() int {
	written := m.flight.written()
	if !m.policy.isStream {
		return len(written)
	}
	n := 0
	for bytes := m.confirmed; n < len(written); n++ {
		if bytes += written[n].bytes + 1; bytes > m.acked {
			break
		}
	}
	return n
}

// confirmArrived confirms the packets that have arrived, when the connection is
// over. All others wait again, the first of them without the lines that have
// arrived.
func (m *machine) confirmArrived() {
	m.undecided = false
	m.confirm(m.arrived())
	m.flight.rewind(m.flight.firstSeq())
	if rest := m.acked - m.confirmed; m.policy.isStream && rest > 0 && len(m.flight.waiting()) > 0 {
		m.isTrimming = true
		m.do(action{kind: actTrim, n: rest})
	}
	m.acked, m.confirmed = 0, 0
}

// confirmOld confirms the packets in flight that cannot come back.
func (m *machine) confirmOld(now time.Time) {
	written := m.flight.written()
	if len(written) == 0 || !m.doubtUntil.IsZero() || m.state == leaving {
		return
	}
	n := m.arrived()
	if m.policy.isUDP {
		hold := m.hold()
		n = 0
		for bytes := m.flight.writtenBytes; n < len(written); n++ {
			if bytes <= m.policy.maxInFlight && now.Sub(written[n].sent) < hold {
				break
			}
			bytes -= written[n].bytes
		}
	}
	m.confirm(n)
}

// hold returns how long a written UDP packet may come back.
func (m *machine) hold() time.Duration {
	if m.addrs.current().evidence == prompt {
		return m.policy.promptHold
	}
	return m.policy.hold
}

// confirm confirms the n oldest packets in flight.
func (m *machine) confirm(n int) {
	if n == 0 {
		return
	}
	bytes, lines := m.flight.confirm(n)
	m.confirmed += bytes + n
	m.again = slices.DeleteFunc(m.again, func(seq uint64) bool { return seq < m.flight.firstSeq() })
	m.do(action{kind: actConfirm, n: n, bytes: bytes, lines: lines})
}
