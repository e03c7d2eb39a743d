package sender

import "time"

// checked handles evChecked: the events before have all that the connection knew at the
// time checkedAt. Silence counts up to then.
func (m *machine) checked(now, checkedAt time.Time) {
	m.checkedAt = checkedAt
	m.checkAt = time.Time{}
	if m.policy.isUnix || len(m.packets.written()) > 0 && (m.policy.hasAcks || m.state == finishing) {
		m.checkAt = now.Add(m.checkInterval())
	}
	switch {
	case m.state == probing && m.isDue(m.upAt, checkedAt):
		m.recovered(now)
	case m.state == finishing && m.isDue(m.finishDeadline, checkedAt):
		m.closeFinished(now)
	case m.state == up && m.isDue(m.doubtUntil, checkedAt):
		m.endDoubt(now)
	}
}

// needsCheck reports whether the machine can conclude something from silence, and the
// last check of the connection is too old for that.
func (m *machine) needsCheck(now time.Time) bool { return m.isDue(m.silentAt(), now) }

// silentAt returns the next time at which the machine concludes something, if the
// connection is silent until then.
func (m *machine) silentAt() time.Time {
	switch m.state {
	case probing:
		return m.upAt
	case finishing:
		return m.finishDeadline
	case up:
		written := m.packets.written()
		switch {
		case !m.doubtUntil.IsZero():
			return m.doubtUntil
		case m.policy.isUDP && len(written) > 0: // a little later if that lets one check confirm many packets
			return later(written[0].sent.Add(m.refusalTimeout()), m.checkedAt.Add(m.policy.ackInterval))
		}
	}
	return time.Time{}
}
