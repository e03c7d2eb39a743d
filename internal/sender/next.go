package sender

import (
	"math"
	"time"
)

// next returns what the loop must do now. It returns the same action until handle is
// called.
func (m *machine) next(now time.Time) action {
	if len(m.todo) > 0 {
		return m.todo[m.todoDone]
	}
	if m.state == done {
		return action{kind: actStop}
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
	// While the pacer delays packets, new ones need not wake the loop.
	isPacing := m.state == up && m.policy.isPaced && len(m.packets.waiting()) > 0
	return action{kind: actWait, until: m.wakeAt(now), isQuiet: isPacing}
}

// nextOnConn returns what to do with the connection now, or actWait for nothing.
func (m *machine) nextOnConn(now time.Time) action {
	if m.isDue(m.checkAt, now) || m.needsCheck(now) {
		return action{kind: actCheck}
	}
	if m.state == finishing {
		return action{kind: actWait}
	}
	switch {
	case m.isDue(m.oldUntil, now):
		return action{kind: actCloseOld}
	case m.isDue(m.renewAt(), now):
		return action{kind: actRenew}
	case now.Before(m.blockedUntil):
	case len(m.toRewrite) > 0:
		return action{kind: actWrite, seq: m.toRewrite[0]}
	case !m.hasRoom(now):
	case len(m.packets.waiting()) > 0:
		if m.pacerAllows() {
			return action{kind: actWrite, seq: m.packets.nextSeq()}
		}
	case m.isDue(m.sealAt(), now):
		return action{kind: actSeal}
	}
	if m.needsProbe() && m.isDue(m.probeAt, now) {
		return action{kind: actProbe}
	}
	return action{kind: actWait}
}

// needsProbe reports whether empty packets must show whether the server is away. On a
// limited path they must, because a packet with lines could be lost without a refusal.
// On other paths the first waiting packet shows it; only if there is none, an empty
// packet must.
func (m *machine) needsProbe() bool {
	switch {
	case !m.policy.isUDP:
		return false
	case m.addrs.current().kind == limitedPath:
		return m.state == probing || m.state == up && !m.doubtUntil.IsZero()
	}
	return m.state == probing && m.written == 0 && len(m.packets.waiting()) == 0 && m.openedAt.IsZero()
}

// sealAt returns when the open packet must be sealed.
func (m *machine) sealAt() time.Time {
	if m.openedAt.IsZero() {
		return time.Time{}
	}
	return m.openedAt.Add(m.policy.flushInterval)
}

// hasRoom reports whether another packet may be in flight.
func (m *machine) hasRoom(now time.Time) bool {
	if !m.doubtUntil.IsZero() && m.packets.writtenBytes >= m.policy.maxInFlight {
		return false
	}
	return m.written < m.writeLimit(now)
}

// writeLimit returns how many packets may be written on this connection. Before the
// server is known to be up, that is one packet, and none on a limited path. While a
// stream is in doubt, the limit doubles after each rampInterval.
func (m *machine) writeLimit(now time.Time) int {
	switch {
	case m.state == probing && m.addrs.current().kind == limitedPath:
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

// pacerAllows reports whether the pacer allows to write the first waiting packet now.
func (m *machine) pacerAllows() bool {
	return !m.policy.isPaced || m.state == probing || m.pacer.allows(m.packets.waiting()[0].bytes)
}

// advancePacer updates the pacer to the time now.
func (m *machine) advancePacer(now time.Time) {
	const resolution = 100 * time.Microsecond
	if !m.policy.isPaced || now.Sub(m.pacer.last) < resolution {
		return
	}
	least := 0.0
	if m.isClosing && !m.closeDeadline.IsZero() {
		// A rate that is too high for the server loses less than the deadline: send
		// all packets in half of the remaining time.
		least = 2 * float64(m.packets.waitingBytes) / max(0.001, m.closeDeadline.Sub(now).Seconds())
	}
	m.pacer.advance(now, m.doubtUntil.IsZero(), least)
}

// checkInterval returns the time between two checks of the packets in flight.
func (m *machine) checkInterval() time.Duration {
	switch {
	case m.policy.isUnix:
		return m.policy.fileInterval
	case m.state == finishing:
		return m.policy.ackInterval / 4
	}
	return m.policy.ackInterval
}

// forever is the time to wait if nothing is due.
const forever = time.Hour

// wakeAt returns the next time at which something is due.
func (m *machine) wakeAt(now time.Time) time.Time {
	at := now.Add(forever)
	or := func(t time.Time) { at = earlier(t, at) }
	if m.isClosing {
		or(m.closeDeadline)
	}
	switch m.state {
	case paused:
		or(m.dialAt)
	case finishing:
		or(m.checkAt)
		or(m.silentAt())
	case probing, up:
		or(m.checkAt)
		or(m.oldUntil)
		or(m.renewAt())
		or(m.silentAt())
		if m.needsProbe() {
			or(m.probeAt)
		}
		or(m.wakeToWrite(now))
	}
	return at
}

// wakeToWrite returns when the next packet may be written.
func (m *machine) wakeToWrite(now time.Time) time.Time {
	hasPacket := len(m.packets.waiting()) > 0 || len(m.toRewrite) > 0
	switch {
	case !hasPacket && m.openedAt.IsZero():
		return time.Time{}
	case now.Before(m.blockedUntil):
		return m.blockedUntil
	case !m.hasRoom(now):
		if m.state == up && m.written >= m.writeLimit(now) {
			return m.dialedAt.Add(m.policy.probation + time.Duration(m.ramp(now))*m.policy.rampInterval)
		}
		return time.Time{} // wakeAt has the end of the probation and of the doubt
	case hasPacket:
		return now.Add(paceInterval)
	}
	return m.sealAt()
}
