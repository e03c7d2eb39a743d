package sender

import "time"

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
