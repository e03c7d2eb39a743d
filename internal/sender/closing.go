package sender

import "time"

// closing handles evClosing.
func (m *machine) closing(now time.Time, by time.Time) {
	if !m.isClosing {
		m.isClosing, m.isSealing = true, true
	}
	m.closeDeadline = by
	m.quietUntil = time.Time{}
	m.shortenWaits(now)
}

// shortenWaits moves upAt and doubtUntil to half of the time until closeDeadline, if
// they are later. Packets may then be lost if the server is away, but without this
// they would be lost in any case.
func (m *machine) shortenWaits(now time.Time) {
	if !m.isClosing || m.closeDeadline.IsZero() {
		return
	}
	half := now.Add(m.closeDeadline.Sub(now) / 2)
	if !m.upAt.IsZero() {
		m.upAt = earlier(m.upAt, half)
	}
	if !m.doubtUntil.IsZero() {
		m.doubtUntil = earlier(m.doubtUntil, half)
	}
}

// advanceClosing ends the connection, and then the machine, when no packets are left or
// closeDeadline has passed.
func (m *machine) advanceClosing(now time.Time) {
	if m.isDue(m.closeDeadline, now) {
		m.giveUp()
		return
	}
	if len(m.packets.waiting()) > 0 {
		return
	}
	switch m.state {
	case probing, up:
		if m.state == probing && m.policy.isUDP && len(m.packets.written()) > 0 {
			return // the packet may be refused
		}
		if len(m.packets.written()) > 0 || m.policy.isStream {
			m.finish(now, errClosing)
			return
		}
		m.addTodo(action{kind: actClose})
	case finishing:
		return
	case paused, dialing:
		if m.undecided && len(m.packets.written()) > 0 {
			return
		}
	}
	m.state = done
}

// giveUp ends the machine. The packets that the server does not have are lost.
func (m *machine) giveUp() {
	if m.isConnected() {
		m.addTodo(action{kind: actClose})
	}
	if m.state == probing && m.policy.isUDP {
		m.rewind()
	}
	m.state = paused
	m.confirmArrived()
	if m.isTrimming {
		return // first remove the lines that have arrived; giveUp is called again
	}
	drop := action{n: len(m.packets.waiting())}
	drop.bytes, drop.lines = m.packets.dropAll()
	if drop.n > 0 {
		drop.kind, drop.reason, drop.err, drop.isLast = actDrop, reasonShutdown, m.cause, true
		m.addTodo(drop)
	}
	m.state = done
}
