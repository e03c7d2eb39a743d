package http2

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// page is the http.ResponseWriter of a page, which runs in a goroutine of its own. Each
// write has the write timeout; the whole response has no timeout.
type page struct {
	c      *conn
	id     uint32
	isHead bool
	cancel context.CancelFunc
	room   chan struct{} // has an element if the windows have changed

	header   http.Header
	buffer   *bufio.Writer // of the body
	hasBegun bool          // the status and the header fields are written

	// Guarded by conn.mu.
	st        *stream // nil after the stream has ended
	isCounted bool    // the request is
}

// errStreamEnded is the error of writes after the end of the stream.
var errStreamEnded = http2.StreamError{Code: http2.ErrCodeStreamClosed}

// errTooManyPages is the response to a page beyond maxPages.
var errTooManyPages = exchange.Busy("too many pages are open on this connection")

// startPage lets Response.Page write the response.
func (c *conn) startPage(st *stream) {
	x, q := st.x, &st.x.Request
	herr := errTooManyPages
	if c.countPages() < maxPages {
		herr = c.keepHead(st)
	}
	if herr != nil {
		x.Response.SetError(herr)
		c.respond(st)
		return
	}
	p := &page{c: c, st: st, id: st.id, isHead: st.isHead, room: make(chan struct{}, 1), header: http.Header{}}
	p.buffer = bufio.NewWriterSize(pageBody{p}, 4<<10)
	ctx, cancel := context.WithCancel(c.server.options.Stopping)
	p.cancel = cancel
	request := &http.Request{
		Method: string(q.Bytes(q.Method)), URL: x.Response.PageURL,
		Proto: "HTTP/2.0", ProtoMajor: 2,
		Header: http.Header{}, Body: http.NoBody, RemoteAddr: c.Remote.String(),
	}
	st.state, st.page, st.deadline = streamPage, p, time.Time{}
	handler := x.Response.Page
	c.pages.Go(func() {
		defer cancel()
		p.serve(handler, request.WithContext(ctx))
	})
}

func (c *conn) countPages() (n int) {
	for _, st := range c.streams {
		if st.state == streamPage {
			n++
		}
	}
	return n
}

// serve runs the page. A panic resets the stream.
func (p *page) serve(handler http.Handler, request *http.Request) {
	code := http2.ErrCodeInternal
	defer func() {
		if fault := recover(); fault != nil {
			p.c.server.options.LogPanic(fault)
		}
		p.close(code)
	}()
	handler.ServeHTTP(p, request)
	if p.FlushError() == nil {
		code = http2.ErrCodeNo
	}
}

// close ends the stream: after a whole response with the end of the stream, otherwise with a
// reset.
func (p *page) close(code http2.ErrCode) {
	c := p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	st := p.st
	if st == nil {
		return
	}
	p.observe(time.Since(st.began))
	p.st, st.page = nil, nil
	st.state = streamDiscard
	c.now = time.Now()
	if code != http2.ErrCodeNo {
		c.resetStream(st.id, code)
	} else {
		_ = c.startOutput().framer.WriteData(st.id, true, nil) // to memory
		c.afterResponse(st)
	}
	_ = c.flush() // an error shows in the next write
	c.wake()
}

// end tells the page that its stream has ended. conn.mu is held.
func (p *page) end() {
	p.observe(p.c.now.Sub(p.st.began))
	p.st = nil
	p.cancel()
	p.unblock()
}

// observe counts how long the request took, if the request is counted. conn.mu is held.
func (p *page) observe(took time.Duration) {
	if p.isCounted {
		p.c.Stats.ObserveDuration(took)
	}
}

// unblock tells the page that the windows have changed.
func (p *page) unblock() {
	select {
	case p.room <- struct{}{}:
	default:
	}
}

// Header returns the fields of the response.
func (p *page) Header() http.Header { return p.header }

// WriteHeader counts the request and queues the head of the response.
func (p *page) WriteHeader(status int) {
	if p.hasBegun {
		return
	}
	p.hasBegun = true
	c := p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.st == nil {
		return
	}
	c.Stats.CountRequest(p.st.x.Route, status, 0)
	p.isCounted = true
	o := c.startOutput()
	o.encoder.begin(c.isFirstHead())
	o.encoder.add(":status", statusText(status))
	o.encoder.add("date", c.server.options.Dates.At(time.Now()))
	for name, values := range p.header {
		for _, value := range values {
			o.encoder.add(strings.ToLower(name), value)
		}
	}
	c.writeHead(p.id, o.encoder.block, false)
}

func (p *page) Write(text []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	if p.isHead {
		return len(text), nil
	}
	return p.buffer.Write(text)
}

// FlushError sends what was written, see http.ResponseController.
func (p *page) FlushError() error {
	p.WriteHeader(http.StatusOK)
	if err := p.buffer.Flush(); err != nil {
		return err
	}
	c := p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.flush(); err != nil {
		return err
	}
	return c.writeErr
}

// Flush sends what was written, see http.Flusher.
func (p *page) Flush() { _ = p.FlushError() }

// pageBody sends the body of a page as the windows of the client allow.
type pageBody struct{ p *page }

func (b pageBody) Write(text []byte) (int, error) {
	p, c := b.p, b.p.c
	timer := time.NewTimer(c.server.options.WriteTimeout)
	defer timer.Stop()
	rest := text
	for {
		c.mu.Lock()
		if p.st == nil {
			c.mu.Unlock()
			return len(text) - len(rest), errStreamEnded
		}
		rest = c.writeData(p.st, rest, false)
		err := c.flush()
		c.mu.Unlock()
		if err != nil || len(rest) == 0 {
			return len(text) - len(rest), err
		}
		select {
		case <-p.room:
		case <-timer.C:
			return len(text) - len(rest), os.ErrDeadlineExceeded
		}
	}
}
