package sender

import "time"

// recovered records that the server accepts packets again.
func (m *machine) recovered(now time.Time) {
	m.state = up
	m.upAt = time.Time{}
	m.startDoubt(now)
	m.pacer.start(now)
	switch {
	case m.doubtUntil.IsZero():
		m.endDoubt(now)
	case m.addrs.current().kind != balancedPath:
		m.reportBack(now)
	}
}

// endDoubt records that the server is certainly up.
func (m *machine) endDoubt(now time.Time) {
	m.doubtUntil = time.Time{}
	m.failures = 0
	m.addrs.tried = 0
	m.addrs.current().earlyEnds = 0
	m.reportBack(now)
}

// reportBack ends an outage and reports it.
func (m *machine) reportBack(now time.Time) {
	if !m.isAway {
		return
	}
	m.isAway, m.mustProbe, m.cause = false, false, nil
	if m.isLogged {
		m.isLogged = false
		m.addTodo(action{kind: actBack, addr: m.addrs.current().addr, duration: now.Sub(m.awaySince), bytes: m.packets.waitingBytes})
	}
}

// startDoubt sets doubtUntil if packets may now be lost unnoticed.
//
// A stream is in doubt after each connection unless the path is direct: a load balancer
// may have accepted the connection. UDP is in doubt after an outage if the server's host
// limits its refusals and may have spent them on other senders.
func (m *machine) startDoubt(now time.Time) {
	p := m.addrs.current()
	switch {
	case m.policy.isStream:
		if p.kind != directPath {
			m.doubtUntil = m.dialedAt.Add(m.policy.doubt)
		}
	case m.policy.isUDP && m.mustProbe && p.kind != promptPath:
		if m.mayShareRefusals(p) {
			m.doubtUntil = now.Add(m.policy.silence)
			m.probeAt = now
		}
	}
	m.shortenWaits(now)
}

// mayShareRefusals reports whether other senders may get refusals of the server's host
// instead of this one. They do if a refusal was overdue in this outage, or too few came
// to tell: other senders take some of the six that Linux sends at once.
func (m *machine) mayShareRefusals(p *path) bool {
	const enough = 5 // refusals
	return p.refusals < enough || p.longestGap > m.refusalDue()
}

// refusalDue returns how long after the last refusal the next one should have arrived,
// if the server's host sends them to this sender alone.
func (m *machine) refusalDue() time.Duration { return m.policy.icmpInterval * 3 / 2 }

// wroteProbe records that an empty packet was written. The longer a refusal is overdue,
// the more often the machine probes. So of several senders, the one that was refused
// last leaves the next refusal to those that have waited longer.
func (m *machine) wroteProbe(now time.Time) {
	// With a smaller factor, programs that send often get too many refusals. With a
	// larger one, several senders soon probe at the same rate.
	const factor = 3
	interval := m.policy.probeInterval
	overdue := now.Sub(later(m.addrs.current().lastRefusal, m.dialedAt)) - m.refusalDue()
	for ; overdue > 0 && interval > m.policy.minProbeInterval; overdue -= m.policy.icmpInterval {
		interval = max(interval/factor, m.policy.minProbeInterval)
	}
	// The random part keeps another sender from always probing just before this one.
	m.probeAt = now.Add(interval/2 + time.Duration(m.random.Int64N(int64(interval))))
	m.setUpAt(now)
}

// setUpAt sets upAt after the first packet was written: it decides how long the server
// must refuse no packet to count as up.
func (m *machine) setUpAt(now time.Time) {
	if m.state != probing || !m.policy.isUDP || !m.upAt.IsZero() {
		return
	}
	p := m.addrs.current()
	silence := m.policy.silence
	switch {
	case p.kind == promptPath:
		silence = m.policy.promptRefusalTimeout
	case p.lastRefusal.Before(m.awaySince):
		silence = m.policy.freshSilence
	case p.kind == limitedPath && m.mayShareRefusals(p):
		silence = min(max(m.policy.sharedSilence, 3*p.longestGap), m.policy.maxSilence)
	}
	m.upAt = now.Add(silence)
	m.shortenWaits(now)
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
