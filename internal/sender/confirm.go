package sender

import (
	"slices"
	"time"
)

// arrived returns how many of the packets in flight the server, or its kernel,
// has got as far as is known, the oldest first.
func (m *machine) arrived() int {
	written := m.flight.written()
	if !m.policy.isStream {
		return len(written)
	}
	n := 0
	for bytes := m.confirmed; n < len(written); n++ {
		if bytes += written[n].bytes + 1; bytes > m.acked {
			break
		}
	}
	return n
}

// confirmArrived confirms the packets that have arrived, when the connection is
// over. All others wait again, the first of them without the lines that have
// arrived.
func (m *machine) confirmArrived() {
	m.undecided = false
	m.confirm(m.arrived())
	rest := m.acked - m.confirmed
	m.rewind()
	if m.policy.isStream && rest > 0 && len(m.flight.waiting()) > 0 {
		m.isTrimming = true
		m.do(action{kind: actTrim, n: rest})
	}
}

// rewind makes all packets in flight wait again.
func (m *machine) rewind() {
	m.flight.rewind(m.flight.firstSeq())
	m.acked, m.confirmed = 0, 0
}

// confirmOld confirms the packets in flight that cannot come back.
func (m *machine) confirmOld(now time.Time) {
	written := m.flight.written()
	if len(written) == 0 || !m.doubtUntil.IsZero() || m.state != up {
		return
	}
	n := m.arrived()
	if m.policy.isUDP {
		hold := m.hold()
		n = 0
		for bytes := m.flight.writtenBytes; n < len(written); n++ {
			if bytes <= m.policy.maxInFlight && now.Sub(written[n].sent) < hold {
				break
			}
			bytes -= written[n].bytes
		}
	}
	m.confirm(n)
}

// hold returns how long a written UDP packet may come back.
func (m *machine) hold() time.Duration {
	if m.addrs.current().evidence == prompt {
		return m.policy.promptHold
	}
	return m.policy.hold
}

// confirm confirms the n oldest packets in flight.
func (m *machine) confirm(n int) {
	if n == 0 {
		return
	}
	bytes, lines := m.flight.confirm(n)
	m.confirmed += bytes + n
	m.again = slices.DeleteFunc(m.again, func(seq uint64) bool { return seq < m.flight.firstSeq() })
	m.do(action{kind: actConfirm, n: n, bytes: bytes, lines: lines})
}
