package server

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// isForPages tells whether a request that names no route of the interface is
// one for Options.Pages.
func (s *Server) isForPages(q *request) bool {
	return s.options.Pages != nil && (q.isMethod(http.MethodGet) || q.isMethod(http.MethodHead))
}

// servePage has Options.Pages answer. The connection ends with its answer, which
// so may have any length and take any time. Pages are not what this server is
// for.
func (c *conn) servePage(w *work) {
	c.linger = !c.body.isOver()
	target, err := url.ParseRequestURI(string(w.request.target))
	if err != nil {
		c.server.refuse(w, refuse(http.StatusBadRequest, "the URL is malformed"))
		_ = c.respond(w, false) // there is nobody else to tell
		return
	}
	request := &http.Request{
		Method:     string(w.request.method),
		URL:        target,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{},
		Body:       http.NoBody,
		RemoteAddr: c.raw.RemoteAddr().String(),
	}
	out := &pageWriter{c: c, header: http.Header{}, isHead: w.request.isMethod(http.MethodHead)}
	out.buffer = bufio.NewWriterSize(timedWriter{c}, 4<<10)
	defer func() {
		if fault := recover(); fault != nil {
			c.server.logPanic(fault)
		}
	}()
	ctx, stop := c.watch()
	defer stop()
	c.server.options.Pages.ServeHTTP(out, request.WithContext(ctx))
	out.WriteHeader(http.StatusOK) // unless it has done so
	out.Flush()
}

// watch returns a context that ends when the server drains or the client is gone.
// What the client sends meanwhile is read and passed over, until stop.
func (c *conn) watch() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(c.server.stopping)
	_ = c.Conn.SetReadDeadline(time.Time{}) // an error shows when it is read from
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, c.Conn)
		cancel()
	}()
	return ctx, func() {
		_ = c.Conn.SetReadDeadline(time.Now())
		<-done
	}
}

// pageWriter is the http.ResponseWriter of a page over HTTP/1.
type pageWriter struct {
	c       *conn
	header  http.Header
	buffer  *bufio.Writer
	isHead  bool
	isBegun bool // the status and the headers are written
}

func (p *pageWriter) Header() http.Header { return p.header }

func (p *pageWriter) WriteHeader(status int) {
	if p.isBegun {
		return
	}
	p.isBegun = true
	p.header.Set("Date", p.c.server.dates.at(time.Now()))
	p.header.Set("Connection", "close")
	// An error shows when the buffer is flushed.
	_, _ = p.buffer.WriteString(statusLine(status))
	_ = p.header.Write(p.buffer)
	_, _ = p.buffer.WriteString("\r\n")
}

func (p *pageWriter) Write(text []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	if p.isHead {
		return len(text), nil
	}
	return p.buffer.Write(text)
}

// FlushError sends what was written, see http.ResponseController.
func (p *pageWriter) FlushError() error {
	p.WriteHeader(http.StatusOK)
	return p.buffer.Flush()
}

// Flush is the same, see http.Flusher.
func (p *pageWriter) Flush() { _ = p.FlushError() }

// timedWriter gives each write its time.
type timedWriter struct{ c *conn }

func (t timedWriter) Write(text []byte) (int, error) {
	if err := t.c.write(text, time.Now()); err != nil {
		return 0, err
	}
	return len(text), nil
}
