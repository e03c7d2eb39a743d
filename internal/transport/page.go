package transport

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"time"

	"statsd-http-proxy/internal/http1"
)

// servePage has the response's page answer the current request. The connection closes
// after its response, which so may have any length and take any time.
func (c *conn) servePage() {
	x, q := c.x, &c.x.Request
	c.lingers = c.body.state != bodyRead
	request := &http.Request{
		Method:     string(q.Bytes(q.Method)),
		URL:        x.Response.PageURL,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{},
		Body:       http.NoBody,
		RemoteAddr: c.remote.String(),
	}
	c.hasResponded = true
	out := &pageWriter{c: c, header: http.Header{}, isHead: q.IsMethod(http.MethodHead)}
	out.buffer = bufio.NewWriterSize(timedWriter{c}, 4<<10)
	ctx, stop := c.watchClient()
	defer stop()
	x.Response.Page.ServeHTTP(out, request.WithContext(ctx))
	out.Flush()
	c.observeDuration()
}

// watchClient returns a context that ends when the server drains or the client is gone.
// It reads and drops the bytes that the client sends, until stop is called.
func (c *conn) watchClient() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(c.server.stopping)
	_ = c.SetReadDeadline(time.Time{}) // an error shows in the next read
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, c.Conn)
		cancel()
	}()
	return ctx, func() {
		_ = c.SetReadDeadline(time.Now())
		<-done
	}
}

// pageWriter is the http.ResponseWriter of a page.
type pageWriter struct {
	c        *conn
	header   http.Header
	buffer   *bufio.Writer
	isHead   bool
	hasBegun bool // the status and the header fields are written
}

func (p *pageWriter) Header() http.Header { return p.header }

func (p *pageWriter) WriteHeader(status int) {
	if p.hasBegun {
		return
	}
	p.hasBegun = true
	p.c.stats.CountRequest(p.c.x.Route, status, 0)
	p.header.Set("Date", p.c.server.dates.At(time.Now()))
	p.header.Set("Connection", "close")
	// An error shows when the buffer is flushed.
	_, _ = p.buffer.WriteString(http1.StatusLine(status))
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

// Flush sends what was written, see http.Flusher.
func (p *pageWriter) Flush() { _ = p.FlushError() }

// timedWriter writes to a connection. Each write has the write timeout.
type timedWriter struct{ c *conn }

func (t timedWriter) Write(text []byte) (int, error) {
	if err := t.c.write(text, t.c.server.elapsed()); err != nil {
		return 0, err
	}
	return len(text), nil
}
