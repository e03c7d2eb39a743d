package sender

import (
	"slices"
	"time"
)

// arrived returns how many of the oldest packets in flight have arrived at the server or
// its kernel, as far as is known.
func (m *machine) arrived() int {
	written := m.packets.written()
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

// confirmArrived confirms the packets that have arrived, after the connection has
// ended. All others become waiting packets. The first of them loses the lines that
// have arrived.
func (m *machine) confirmArrived() {
	m.undecided = false
	m.confirm(m.arrived())
	rest := m.acked - m.confirmed
	m.rewind()
	if m.policy.isStream && rest > 0 && len(m.packets.waiting()) > 0 {
		m.isTrimming = true
		m.addTodo(action{kind: actTrim, n: rest})
	}
}

// rewind makes all packets in flight waiting packets, for a new connection.
func (m *machine) rewind() {
	m.packets.rewind(m.packets.firstSeq())
	m.acked, m.confirmed = 0, 0
}

// confirmOld confirms the packets of a stream that have arrived, and the UDP packets that
// could not be refused any more when the loop last checked the connection. It also
// confirms the oldest UDP packets if more than maxInFlight bytes are in flight.
func (m *machine) confirmOld() {
	written := m.packets.written()
	if len(written) == 0 || !m.doubtUntil.IsZero() || m.state != up {
		return
	}
	n := m.arrived()
	if m.policy.isUDP {
		timeout := m.refusalTimeout()
		n = 0
		for bytes := m.packets.writtenBytes; n < len(written); n++ {
			if bytes <= m.policy.maxInFlight && m.checkedAt.Sub(written[n].sent) < timeout {
				break
			}
			bytes -= written[n].bytes
		}
	}
	m.confirm(n)
}

// refusalTimeout returns how long after its write a UDP packet may be refused.
func (m *machine) refusalTimeout() time.Duration {
	if m.addrs.current().kind == promptPath {
		return m.policy.promptRefusalTimeout
	}
	return m.policy.refusalTimeout
}

// confirm confirms the n oldest packets in flight.
func (m *machine) confirm(n int) {
	if n == 0 {
		return
	}
	bytes, lines := m.packets.confirm(n)
	m.confirmed += bytes + n
	m.toRewrite = slices.DeleteFunc(m.toRewrite, func(seq uint64) bool { return seq < m.packets.firstSeq() })
	m.addTodo(action{kind: actConfirm, n: n, bytes: bytes, lines: lines})
}
