package http2

import (
	"maps"
	"slices"
	"time"

	"golang.org/x/net/http2"
)

// drain is what a connection does during the shutdown. It sends GOAWAY at once, with an ID
// that refuses no stream, because the client may have sent further requests before it
// reads the frame (RFC 9113, section 6.8). After the idle grace it refuses new streams,
// and ends with its last open stream.
type drain struct {
	hasBegun bool
	isFinal  bool      // no more streams begin
	lastID   uint32    // that was served, if isFinal
	deadline time.Time // of the idle grace
}

// maxStreamID is the highest ID that a stream can have.
const maxStreamID = 1<<31 - 1

// Shutdown has all connections see that the shutdown has begun: Options.Draining is set.
// It does not wait.
func (s *Server) Shutdown() {
	s.mu.Lock()
	open := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range open {
		c.wake()
	}
}

// checkDrain takes the next step of the shutdown. It returns an error at its end.
func (c *conn) checkDrain() error {
	d := &c.drain
	if !d.hasBegun {
		if !c.server.options.Draining.Load() {
			return nil
		}
		d.hasBegun = true
		d.deadline = c.now.Add(time.Duration(c.server.options.IdleGrace.Load()))
		if c.isReady {
			c.writeGoAway(maxStreamID, http2.ErrCodeNo)
		}
		for i := len(c.streams) - 1; i >= 0; i-- {
			if st := c.streams[i]; st.state == streamDelayed {
				c.respond(st)
			}
		}
	}
	if !d.isFinal && !c.now.Before(d.deadline) {
		d.isFinal, d.deadline = true, time.Time{}
		d.lastID = c.lastID
		if len(c.streams) > 0 {
			c.writeGoAway(d.lastID, http2.ErrCodeNo)
		}
	}
	if d.isFinal && len(c.streams) == 0 {
		return errIdle
	}
	return nil
}
