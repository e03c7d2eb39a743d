package sender

import "time"

// closing takes note of Close.
func (m *machine) closing(now time.Time, by time.Time) {
	if !m.isClosing {
		m.isClosing, m.isSealing = true, true
	}
	m.closeBy = by
	m.quietUntil = time.Time{}
	m.hurry(now)
}

// hurry shortens a proof or a doubt that would outlast Close: it is better to
// send packets to a server that may be away than not at all.
func (m *machine) hurry(now time.Time) {
	if !m.isClosing || m.closeBy.IsZero() {
		return
	}
	half := now.Add(m.closeBy.Sub(now) / 2)
	if !m.proofAt.IsZero() {
		m.proofAt = earlier(m.proofAt, half)
	}
	if !m.doubtUntil.IsZero() {
		m.doubtUntil = earlier(m.doubtUntil, half)
	}
}

// advanceClosing ends the machine if nothing is left, or if the time is over.
func (m *machine) advanceClosing(now time.Time) {
	if m.isDue(m.closeBy, now) {
		m.giveUp()
		return
	}
	if len(m.flight.waiting()) > 0 {
		return
	}
	switch m.state {
	case probing, up:
		if m.state == probing && m.policy.isUDP && len(m.flight.written()) > 0 {
			return // it may be refused
		}
		if len(m.flight.written()) > 0 || m.policy.isStream {
			m.finish(now, errClosing)
			return
		}
		m.do(action{kind: actClose})
	case finishing:
		return
	case paused, dialing:
		if m.undecided && len(m.flight.written()) > 0 {
			return
		}
	}
	m.state = done
}

// giveUp ends the machine and counts as lost what the server has not got.
func (m *machine) giveUp() {
	if m.isConnected() {
		m.do(action{kind: actClose})
	}
	if m.state == probing && m.policy.isUDP {
		m.rewind()
	}
	m.state = paused
	m.confirmArrived()
	if m.isTrimming {
		return // some lines of the first packet have arrived
	}
	drop := action{n: len(m.flight.waiting())}
	drop.bytes, drop.lines = m.flight.dropAll()
	if drop.n > 0 {
		drop.kind, drop.reason, drop.err, drop.isLast = actDrop, reasonShutdown, m.cause, true
		m.do(drop)
	}
	m.state = done
}
