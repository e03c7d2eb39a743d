package server

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2Client is a connection that speaks HTTP/2 frame by frame, and so can do
// what a well-behaved client would not.
type h2Client struct {
	p      *proxy
	conn   *tls.Conn
	framer *http2.Framer
	head   bytes.Buffer
	packer *hpack.Encoder
	next   uint32 // the stream to open
	window int64  // what may be sent on the connection
	first  int64  // what may be sent on a stream at its beginning

	settings map[http2.SettingID]uint32 // of the server
	streams  map[uint32]*h2Answer
	goAway   *http2.ErrCode // what it has ended with
	err      error          // why nothing more can be read
}

// h2Answer is what has come on a stream.
type h2Answer struct {
	answer
	isOver bool
	reset  *http2.ErrCode
	window int64
}

// dialH2 opens a connection and waits for the server's settings.
func (p *proxy) dialH2(settings ...http2.Setting) *h2Client {
	p.t.Helper()
	c := &h2Client{p: p, next: 1, window: 65535, settings: map[http2.SettingID]uint32{}, streams: map[uint32]*h2Answer{}}
	c.conn = tls.Client(p.dial(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err := c.conn.Handshake(); err != nil {
		p.t.Fatal(err)
	}
	if got := c.conn.ConnectionState().NegotiatedProtocol; got != "h2" {
		p.t.Fatalf("the protocol is %q", got)
	}
	c.framer = http2.NewFramer(c.conn, c.conn)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.packer = hpack.NewEncoder(&c.head)
	if _, err := c.conn.Write([]byte(http2.ClientPreface)); err != nil {
		p.t.Fatal(err)
	}
	c.do(c.framer.WriteSettings(settings...))
	for len(c.settings) == 0 {
		c.mustRead()
	}
	c.first = int64(c.settings[http2.SettingInitialWindowSize])
	return c
}

// do takes the result of writing a frame.
func (c *h2Client) do(err error) {
	c.p.t.Helper()
	if err != nil {
		c.p.t.Fatalf("write a frame: %v", err)
	}
}

// pack returns the header block of fields, names and values in turn.
func (c *h2Client) pack(fields ...string) []byte {
	c.head.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = c.packer.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(c.head.Bytes())
}

// open sends the headers of a request, with more as names and values in turn.
func (c *h2Client) open(method, target string, isOver bool, more ...string) (id uint32) {
	c.p.t.Helper()
	c.streams[c.next] = &h2Answer{window: c.first}
	id, err := c.tryOpen(method, target, isOver, more...)
	c.do(err)
	return id
}

// tryOpen does the same for a stream that nobody waits for.
func (c *h2Client) tryOpen(method, target string, isOver bool, more ...string) (id uint32, err error) {
	id = c.next
	c.next += 2
	block := c.pack(append([]string{":method", method, ":scheme", "https", ":authority", "proxy", ":path", target}, more...)...)
	first := block[:min(len(block), maxFrame)]
	rest := block[len(first):]
	err = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: isOver, EndHeaders: len(rest) == 0})
	for len(rest) > 0 && err == nil {
		part := rest[:min(len(rest), maxFrame)]
		rest = rest[len(part):]
		err = c.framer.WriteContinuation(id, len(rest) == 0, part)
	}
	return id, err
}

// send sends a body as flow control lets it, until its stream is answered.
func (c *h2Client) send(id uint32, body string, isOver bool) {
	c.p.t.Helper()
	a := c.streams[id]
	for {
		part := body[:max(0, min(int64(len(body)), int64(maxFrame), a.window, c.window))]
		if len(part) == 0 && len(body) > 0 {
			if c.mustRead(); a.isOver {
				return
			}
			continue
		}
		body = body[len(part):]
		a.window -= int64(len(part))
		c.window -= int64(len(part))
		c.do(c.framer.WriteData(id, isOver && len(body) == 0, []byte(part)))
		if len(body) == 0 {
			return
		}
	}
}

func (c *h2Client) mustRead() {
	c.p.t.Helper()
	if !c.read() {
		c.p.t.Fatalf("read a frame: %v, GOAWAY %v", c.err, c.goAway)
	}
}

// read reads one frame, and returns false at the end.
func (c *h2Client) read() bool {
	f, err := c.framer.ReadFrame()
	if err != nil {
		c.err = err
		return false
	}
	a := c.streams[f.Header().StreamID]
	if a == nil {
		a = new(h2Answer) // nobody waits for that one
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		_ = f.ForeachSetting(func(s http2.Setting) error { c.settings[s.ID] = s.Val; return nil })
		if !f.IsAck() {
			c.err = c.framer.WriteSettingsAck()
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			c.window += int64(f.Increment)
		}
		a.window += int64(f.Increment)
	case *http2.MetaHeadersFrame:
		a.status, _ = strconv.Atoi(f.PseudoValue("status"))
		a.header = http.Header{}
		for _, field := range f.RegularFields() {
			a.header.Add(field.Name, field.Value)
		}
		a.isOver = f.StreamEnded()
	case *http2.DataFrame:
		a.body += string(f.Data())
		a.isOver = f.StreamEnded()
	case *http2.RSTStreamFrame:
		if !a.isOver {
			a.reset, a.isOver = &f.ErrCode, true
		}
	case *http2.GoAwayFrame:
		c.goAway = &f.ErrCode
	}
	return true
}

// answer waits for that on a stream.
func (c *h2Client) answer(id uint32) answer {
	c.p.t.Helper()
	a := c.streams[id]
	for !a.isOver {
		c.mustRead()
	}
	delete(c.streams, id)
	if a.reset != nil {
		return answer{status: -1, body: a.reset.String()}
	}
	return a.answer
}

// end reads to the end of the connection.
func (c *h2Client) end() {
	c.p.t.Helper()
	for c.read() {
	}
	if ne, ok := c.err.(interface{ Timeout() bool }); ok && ne.Timeout() {
		c.p.t.Errorf("the connection is not closed: %v", c.err)
	}
}

// request sends a request with headers as "Name: value" and waits for its
// answer.
func (c *h2Client) request(method, target, body string, headers ...string) answer {
	c.p.t.Helper()
	if err := c.conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		c.p.t.Fatal(err)
	}
	var fields []string
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		fields = append(fields, strings.ToLower(name), strings.TrimSpace(value))
	}
	if body != "" {
		fields = append(fields, "content-length", fmt.Sprint(len(body)))
	}
	id := c.open(method, target, body == "", fields...)
	if body != "" {
		c.send(id, body, true)
	}
	return c.answer(id)
}
