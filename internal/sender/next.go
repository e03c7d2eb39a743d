package sender

import (
	"math"
	"time"
)

// next returns what to do now. It returns the same until something has
// happened.
func (m *machine) next(now time.Time) action {
	if len(m.todo) > 0 {
		return m.todo[m.todoAt]
	}
	if m.state == done {
		return action{kind: actDone}
	}
	if m.isSealing {
		return action{kind: actSeal}
	}
	if now.Before(m.quietUntil) && (m.state == up || m.state == probing) {
		return action{kind: actWait, until: m.quietUntil, isQuiet: true}
	}
	switch m.state {
	case paused:
		if !now.Before(m.dialAt) {
			return action{kind: actDial, addr: m.addrs.current().addr}
		}
	case probing, up, finishing:
		if a := m.nextOnConn(now); a.kind != actWait {
			return a
		}
	}
	// While the pacer holds packets back, new ones need not wake the loop.
	isPacing := m.state == up && m.policy.isPaced && len(m.flight.waiting()) > 0
	return action{kind: actWait, until: m.wake(now), isQuiet: isPacing}
}

// nextOnConn returns what to do with the connection now: actWait for nothing.
func (m *machine) nextOnConn(now time.Time) action {
	if m.isDue(m.checkAt, now) {
		return action{kind: actCheck}
	}
	if m.state == finishing {
		return action{kind: actWait}
	}
	switch {
	case now.Before(m.blockedUntil):
	case len(m.again) > 0:
		return action{kind: actWrite, seq: m.again[0]}
	case !m.hasRoom(now):
	case len(m.flight.waiting()) > 0:
		if m.isPaceOK() {
			return action{kind: actWrite, seq: m.flight.nextSeq()}
		}
	case m.isDue(m.sealAt(), now):
		return action{kind: actSeal}
	}
	if m.probes() && m.isDue(m.probeAt, now) {
		return action{kind: actProbe}
	}
	return action{kind: actWait}
}

// probes reports whether empty packets have to show whether the server is away.
// On a path where refusals may be missing, any other packet could be lost. Else
// the first packet that waits shows it, if there is one.
func (m *machine) probes() bool {
	switch {
	case !m.policy.isUDP:
		return false
	case m.addrs.current().evidence == limited:
		return m.state == probing || m.state == up && !m.doubtUntil.IsZero()
	}
	return m.state == probing && m.written == 0 && len(m.flight.waiting()) == 0 && m.openedAt.IsZero()
}

// sealAt returns when the open packet has to leave.
func (m *machine) sealAt() time.Time {
	if m.openedAt.IsZero() {
		return time.Time{}
	}
	return m.openedAt.Add(m.policy.flushInterval)
}

// hasRoom reports whether another packet may be in flight.
func (m *machine) hasRoom(now time.Time) bool {
	if !m.doubtUntil.IsZero() && m.flight.writtenBytes >= m.policy.maxInFlight {
		return false
	}
	return m.written < m.writeLimit(now)
}

// writeLimit returns how many packets may be written on this connection: one
// before the server is known to be up, or none if UDP's refusals may be missing.
// While a stream is in doubt, the limit doubles after each rampInterval.
func (m *machine) writeLimit(now time.Time) int {
	switch {
	case m.state == probing && m.addrs.current().evidence == limited:
		return 0
	case m.state == probing:
		return 1
	case m.doubtUntil.IsZero() || m.isClosing || !m.policy.isStream:
		return math.MaxInt
	}
	return 1 << min(m.ramp(now), 30)
}

// ramp returns how often the write limit has doubled on this connection.
func (m *machine) ramp(now time.Time) int {
	return 1 + int(now.Sub(m.dialedAt.Add(m.policy.probation))/m.policy.rampInterval)
}

// isPaceOK reports whether the first packet that waits may leave now.
func (m *machine) isPaceOK() bool {
	return !m.policy.isPaced || m.state == probing || m.pacer.allows(m.flight.waiting()[0].bytes)
}

// advancePacer brings the pacer up to now.
func (m *machine) advancePacer(now time.Time) {
	const resolution = 100 * time.Microsecond
	if !m.policy.isPaced || now.Sub(m.pacer.last) < resolution {
		return
	}
	least := 0.0
	if m.isClosing && !m.closeBy.IsZero() {
		// It is better to be too fast for the server than to give packets up: aim
		// at half of the time left.
		least = 2 * float64(m.flight.waitingBytes) / max(0.001, m.closeBy.Sub(now).Seconds())
	}
	m.pacer.advance(now, m.doubtUntil.IsZero(), least)
}

// checkInterval returns the time between two looks at the packets in flight.
func (m *machine) checkInterval() time.Duration {
	switch {
	case m.policy.hasNoDelay:
		return m.policy.fileInterval
	case m.state == finishing:
		return m.policy.ackInterval / 4
	}
	return m.policy.ackInterval
}

// forever is how long to wait if only an event brings something to do.
const forever = time.Hour

// wake returns when the time has come for something.
func (m *machine) wake(now time.Time) time.Time {
	at := now.Add(forever)
	or := func(t time.Time) { at = earlier(t, at) }
	if m.isClosing {
		or(m.closeBy)
	}
	switch m.state {
	case paused:
		or(m.dialAt)
	case finishing:
		or(m.checkAt)
		or(m.finishUntil)
	case probing, up:
		or(m.proofAt)
		or(m.doubtUntil)
		or(m.checkAt)
		if m.probes() {
			or(m.probeAt)
		}
		or(m.wakeToWrite(now))
		or(m.wakeToConfirm(now))
	}
	return at
}

// wakeToWrite returns when the next packet may leave.
func (m *machine) wakeToWrite(now time.Time) time.Time {
	hasPacket := len(m.flight.waiting()) > 0 || len(m.again) > 0
	switch {
	case !hasPacket && m.openedAt.IsZero():
		return time.Time{}
	case now.Before(m.blockedUntil):
		return m.blockedUntil
	case !m.hasRoom(now):
		if m.state == up && m.written >= m.writeLimit(now) {
			return m.dialedAt.Add(m.policy.probation + time.Duration(m.ramp(now))*m.policy.rampInterval)
		}
		return time.Time{} // the end of the probation or of the doubt
	case hasPacket:
		return now.Add(paceInterval)
	}
	return m.sealAt()
}

// wakeToConfirm returns when the oldest packet in flight cannot come back any
// more, or a little later: many of them are confirmed at once.
func (m *machine) wakeToConfirm(now time.Time) time.Time {
	written := m.flight.written()
	if !m.policy.isUDP || len(written) == 0 || !m.doubtUntil.IsZero() {
		return time.Time{}
	}
	return later(written[0].sent.Add(m.hold()), now.Add(m.policy.ackInterval))
}
