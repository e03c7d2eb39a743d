package sender

import "time"

// A load balancer or gateway between the proxy and a UDP server, such as a Service of
// Kubernetes, chooses a backend for each pair of source and destination port, and keeps
// it as long as packets come, even if that backend is gone. So the machine renews the
// socket from time to time, which changes the source port. The old socket stays open
// until its packets cannot be refused any more.

// renewAt returns when to renew the socket, or zero for never.
func (m *machine) renewAt() time.Time {
	isSteady := m.state == up && m.doubtUntil.IsZero() && m.oldUntil.IsZero()
	if m.policy.renewInterval == 0 || !isSteady || m.isClosing {
		return time.Time{}
	}
	return m.renewedAt.Add(m.policy.renewInterval)
}

// renewed records that the loop has carried out actRenew. The backend may be another one
// now, whose refusals come another way.
func (m *machine) renewed(now time.Time) {
	m.renewedAt, m.oldUntil = now, now.Add(m.policy.refusalTimeout)
	if p := m.dialedPath(); p.kind == promptPath {
		p.kind = unknownPath
	}
}
