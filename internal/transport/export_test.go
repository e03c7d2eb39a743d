package transport

import (
	"net"

	"statsd-http-proxy/internal/exchange"
)

// The states of connections, for CountConns.
const (
	StateIdle   = stateIdle
	StateActive = stateActive

	StateHandshake = stateHandshake
)

// CountConns returns how many connections are in a state.
func (s *Server) CountConns(state int32) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.state.Load() == state {
			n++
		}
	}
	return n
}

// BodyBytes returns how much memory is reserved for bodies.
func (s *Server) BodyBytes() int64 { return s.bodies.Used() }

// ReserveBodies reserves all memory for bodies until release is called.
func (s *Server) ReserveBodies() (release func()) {
	var buffer exchange.BodyBuffer
	buffer.Grow(nil, 0)
	for n := 1 << 30; n > 0; n /= 2 {
		_ = buffer.Reserve(s.bodies, buffer.Reserved()+n) // an error says that n is too much
	}
	return func() { buffer.Release(s.bodies) }
}

// IsDraining reports whether the shutdown has begun.
func (s *Server) IsDraining() bool { return s.draining.Load() }

// Drain lets requests see that the shutdown has begun, and does nothing else.
func (s *Server) Drain() {
	s.idleGrace.Store(int64(idleGrace))
	s.draining.Store(true)
}

// TestListener accepts connections of a listener as Serve does.
type TestListener struct{ *listener }

// NewListener returns a TestListener on inner.
func (s *Server) NewListener(inner net.Listener) TestListener {
	return TestListener{newListener(inner, s)}
}

// Accept accepts a connection and closes it.
func (l TestListener) Accept() error {
	c, err := l.acceptConn()
	if err != nil {
		return err
	}
	return c.Close()
}
