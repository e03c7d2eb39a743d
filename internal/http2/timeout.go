package http2

import (
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// expire ends what has had its time: requests, responses, and the connection itself.
func (c *conn) expire() error {
	if err := c.checkDrain(); err != nil {
		return err
	}
	for i := len(c.streams) - 1; i >= 0; i-- {
		// A stream that ends is replaced by one after it, which was checked.
		if st := c.streams[i]; !st.deadline.IsZero() && !c.now.Before(st.deadline) {
			c.expireStream(st)
		}
	}
	switch {
	case c.head.isOpen:
		if !c.now.Before(c.head.deadline) {
			return errIdle
		}
	case len(c.streams) == 0 && !c.now.Before(c.idleDeadline):
		return errIdle
	}
	return nil
}

// expireStream handles that the deadline of a stream has passed.
func (c *conn) expireStream(st *stream) {
	st.deadline = time.Time{}
	switch st.state {
	case streamBody:
		st.wasSlow = true
		c.serveStream(st, exchange.TooSlow)
	case streamDelayed:
		c.respond(st)
	case streamBlocked:
		c.resetStream(st.id, http2.ErrCodeCancel)
	case streamDiscard:
		if !c.now.Before(st.endsAt) {
			c.stopDiscard(st)
			return
		}
		c.endResponse(st)
		c.extendDiscard(st)
	}
}

// setReadDeadline makes the next wait end no later than something has to be done. It may
// end earlier: in most cases the deadline only moves away, and does not have to be set.
func (c *conn) setReadDeadline() error {
	next := c.nextDeadline()
	if !c.read.IsZero() && c.now.Before(c.read) && (next.IsZero() || !next.Before(c.read)) {
		return nil
	}
	c.read = next
	return c.SetReadDeadline(next)
}

// nextDeadline returns when something has to be done, the zero time for never.
func (c *conn) nextDeadline() (next time.Time) {
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	earlier(c.drain.deadline)
	switch {
	case c.head.isOpen:
		earlier(c.head.deadline)
	case len(c.streams) == 0:
		earlier(c.idleDeadline)
	}
	for _, st := range c.streams {
		earlier(st.deadline)
	}
	return next
}

// wake makes the goroutine of c check its state. Any goroutine may call it.
func (c *conn) wake() {
	c.woken.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0)) // an error shows in the next read
}
