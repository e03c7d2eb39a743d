package sender

import (
	"errors"
	"time"
)

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
	if m.state == finishing && m.finishCause == errMoved {
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
	if m.state == finishing && isHalf {
		return // it is known when its kernel has acknowledged all
	}
	if m.state != finishing {
		m.endedEarly = m.policy.isStream && isClosed && now.Before(m.dialedAt.Add(m.policy.doubt))
	}
	if isHalf && m.policy.hasAcks && m.arrived() < len(m.flight.written()) {
		m.finish(now, err)
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
		m.rewind()
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
