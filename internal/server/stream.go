package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// stream is where a request over HTTP/2 has its body from. It lives in its work.
type stream struct {
	server *Server
	source io.Reader
	length int // of the body in bytes, chunked where it is not declared
	isRead bool
	memory bodyMemory
}

// serveStream answers a request over HTTP/2.
func (s *Server) serveStream(out http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	if !c.streams.TryRLock() {
		return // its connection has ended
	}
	defer c.streams.RUnlock()
	if !c.hasBegun.Load() && !c.hasBegun.Swap(true) {
		_ = c.raw.SetReadDeadline(time.Time{}) // from now on streams have theirs
	}
	w := getWork()
	w.stream = stream{server: s, source: r.Body, length: int(r.ContentLength)}
	defer putWork(w)
	defer w.stream.end()
	if no := w.readStream(c, r); no != nil {
		s.refuseHead(w, c.peer, no)
	} else {
		s.handle(w)
	}
	if w.response.isPage {
		s.serveStreamPage(out, r)
		return
	}
	w.stream.skip(&w.request)
	w.writeStream(out, r, s)
}

// readStream makes w.request that of r, or tells what is wrong with it. Its
// line and headers may be as large as they may be over HTTP/1.
func (w *work) readStream(c *conn, r *http.Request) *refusal {
	q := &w.request
	const version = len("  HTTP/1.1\r\n")
	room := maxHead - len(r.Method) - len(r.RequestURI) - version - len("Host: \r\n\r\n") - len(r.Host)
	if room < 0 {
		return lineTooLong
	}
	w.head = append(w.head[:0], r.Method...)
	w.head = append(w.head, r.RequestURI...)
	q.method, q.target = w.head[:len(r.Method)], w.head[len(r.Method):]
	var f framingFields
	for name, values := range r.Header {
		for _, value := range values {
			if room -= len(name) + len(": ") + len(value) + len("\r\n"); room < 0 {
				return headTooLong
			}
			begin := len(w.head)
			w.head = append(append(w.head, name...), value...)
			field := w.head[begin:]
			if no := q.parseField(field[:len(name)], trimBlanks(field[len(name):]), &f); no != nil {
				return no
			}
		}
	}
	if f.lengths > 1 {
		return badLength
	}
	q.length = w.stream.length
	q.peer, q.late, q.body = c.peer, c.server.draining.Load(), &w.stream
	return nil
}

// unheld is the size up to which a body over HTTP/2 is not counted with those
// that take memory: its stream takes more than that.
const unheld = 4 << 10

// readBody reads the body of a request, up to limit bytes. It is void when the
// request is answered. Memory is taken as it arrives.
func (b *stream) readBody(limit int) (body []byte, no *refusal) {
	if b.length == 0 || b.isRead {
		return nil, nil
	}
	if b.length > limit {
		return nil, b.server.refuseBody()
	}
	room := unheld
	if b.length != chunked {
		room = min(b.length+1, unheld) // the one more is for the end
	}
	dst := b.memory.grow(nil, room)
	for {
		if len(dst) == room {
			room = min(2*room, limit+1)
			if no := b.memory.hold(b.server, room); no != nil {
				return nil, no
			}
			dst = b.memory.grow(dst, room)
		}
		n, err := b.source.Read(dst[len(dst):room])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return nil, b.server.refuseBody()
		case err == io.EOF:
			b.isRead = true
			return dst, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, tooSlow
		case err != nil:
			return nil, bodyTooShort
		}
	}
}

// end gives back what b holds of the request.
func (b *stream) end() {
	b.memory.letGo(b.server)
	*b = stream{}
}

// skip reads a small body of a request that was answered without. Otherwise the
// client would be told to stop sending, which some take for an error.
func (b *stream) skip(q *request) {
	if b.length > 0 && b.length <= earlyBody && !q.unmet {
		_, _ = b.readBody(earlyBody)
	}
}

// writeStream writes the response to the client.
func (w *work) writeStream(out http.ResponseWriter, r *http.Request, s *Server) {
	response := &w.response
	header := out.Header()
	used := 0
	// set has the values lie in w: net/http makes copies of them.
	set := func(name, value string) {
		w.values[used] = value
		header[name] = w.values[used : used+1 : used+1]
		used++
	}
	set("Date", s.dates.at(time.Now()))
	response.each(func(name, value string) { set(http.CanonicalHeaderKey(name), value) })
	if origin := response.origin; len(origin) > 0 {
		const name = "Access-Control-Allow-Origin"
		if sent := r.Header["Origin"]; len(sent) == 1 && sent[0] == string(origin) {
			set(name, sent[0])
		} else {
			set(name, string(origin))
		}
	}
	if len(response.body) > 0 {
		set("Content-Length", strconv.Itoa(len(response.body)))
	}
	if s.draining.Load() {
		set("Connection", "close") // net/http sends GOAWAY for it
	}
	out.WriteHeader(response.status)
	_, _ = out.Write(response.body) // there is nobody else to tell
}

// maxHeaders is how many headers an answer has at most.
const maxHeaders = 16

// serveStreamPage has Options.Pages answer. As over HTTP/1 each of its writes has its
// time, and the answer may take any.
func (s *Server) serveStreamPage(out http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	defer func() {
		if fault := recover(); fault != nil {
			s.logPanic(fault)
			panic(http.ErrAbortHandler) // the client sees that the answer breaks off
		}
	}()
	page := &streamPage{out, http.NewResponseController(out), s.options.WriteTimeout}
	page.rest()
	s.options.Pages.ServeHTTP(page, r.WithContext(ctx))
}

// streamPage is the http.ResponseWriter of a page over HTTP/2.
type streamPage struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// rest lets the time until the next write be any.
func (p *streamPage) rest() { _ = p.control.SetWriteDeadline(time.Time{}) }

func (p *streamPage) Write(text []byte) (int, error) {
	defer p.rest()
	if err := p.control.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, err
	}
	return p.ResponseWriter.Write(text)
}

// FlushError sends what was written, see http.ResponseController.
func (p *streamPage) FlushError() error {
	defer p.rest()
	if err := p.control.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return err
	}
	return p.control.Flush()
}
