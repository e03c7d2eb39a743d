package sender

import (
	"errors"
	"time"
)

// refused handles evRefused. The packets before the refused one are confirmed, and the
// others are written again. If this host refused the packet, the kernel has looked for
// the server's host for neighborTimeout in vain, so all packets of that time are
// written again.
func (m *machine) refused(now time.Time, e event) {
	p := m.dialedPath()
	if m.state != probing && m.doubtUntil.IsZero() {
		p.startOutage()
	}
	if !e.isFromOwnHost {
		p.refused(now, e.isPrompt)
	}
	p.lastRefusal = now

	seq := min(max(e.seq, m.packets.firstSeq()), m.packets.nextSeq())
	if !m.doubtUntil.IsZero() || m.state == probing {
		seq = m.packets.firstSeq()
	}
	if e.isFromOwnHost {
		for seq > m.packets.firstSeq() && now.Sub(m.packets.list[seq-1-m.packets.base].sent) <= m.policy.neighborTimeout {
			seq--
		}
	}
	m.confirm(int(seq - m.packets.firstSeq()))
	m.packets.rewind(seq)
	m.addTodo(action{kind: actClose})
	if m.state == finishing && m.finishCause == errMoved {
		m.state, m.dialAt = paused, now
		return
	}
	m.away(now, e.err)
}

// dialedPath returns the path of the connection. It returns an empty path if a lookup
// has replaced the address meanwhile.
func (m *machine) dialedPath() *path {
	if p := m.addrs.current(); p.addr == m.dialedAddr {
		return p
	}
	return &path{}
}

// ended handles evConnEnded. If the server closed only its end of the connection, it may
// still read what was written.
func (m *machine) ended(now time.Time, err error, isClosed bool) {
	isHalfClosed := errors.Is(err, errEnded)
	if m.state == finishing && isHalfClosed {
		return // the packets in flight may still be acknowledged
	}
	if m.state != finishing {
		isYoung := now.Before(m.dialedAt.Add(m.policy.doubt)) || !m.doubtUntil.IsZero() // or was when it was last checked
		m.endedEarly = m.policy.isStream && isClosed && isYoung
	}
	if isHalfClosed && m.policy.hasAcks && m.arrived() < len(m.packets.written()) {
		m.finish(now, err)
		return
	}
	m.endStream(now, err)
}

// endStream closes a connection that the server or the network has ended, and decides
// which packets in flight have arrived.
func (m *machine) endStream(now time.Time, err error) {
	p := m.dialedPath()
	m.addTodo(action{kind: actClose})
	if !m.endedEarly {
		p.isRetried = false
		m.confirmArrived()
		m.away(now, err)
		return
	}
	if p.kind == directPath {
		const maxEarlyEnds = 2 // if this many connections in a row end early, a load balancer accepts them
		if p.earlyEnds++; p.earlyEnds >= maxEarlyEnds {
			p.kind = balancedPath
		}
	}
	switch p.kind {
	case unknownPath:
		m.undecided = true
		m.recordAway(now, err)
		m.dialAt = now // the result shows whether a load balancer accepted the last connection
	case balancedPath:
		m.rewind()
		m.away(now, err)
	default:
		m.confirmArrived()
		m.recordAway(now, err)
		if p.isRetried {
			m.addrs.failed() // the server keeps ending connections: another address may be better
		}
		p.isRetried = !p.isRetried
		m.dialAt = now // a refusal shows that the path is still direct; after a pause, the server may be back
	}
}

// away records that the server is away, and decides when to connect again.
func (m *machine) away(now time.Time, err error) {
	m.recordAway(now, err)
	if !m.addrs.failed() {
		m.dialAt = now
		return
	}
	m.failures++
	m.dialAt = now.Add(m.backoff())
}

// recordAway records and reports that the server is away.
func (m *machine) recordAway(now time.Time, err error) {
	if !m.isAway {
		m.isAway, m.awaySince = true, now
	}
	m.cause, m.mustProbe = err, true
	m.state = paused
	m.addTodo(action{kind: actLookup})
	if !m.isLogged && (m.loggedAt.IsZero() || now.Sub(m.loggedAt) >= logInterval) {
		m.isLogged, m.loggedAt = true, now
		m.addTodo(action{kind: actAway, addr: m.addrs.current().addr, err: err})
	}
}

// logInterval is the minimum time between two log lines which say that the server is
// away.
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
