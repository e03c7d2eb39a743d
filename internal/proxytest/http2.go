package proxytest

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// HTTP2Client is a connection that speaks HTTP/2 frame by frame, so that it can do what a
// well-behaved client would not.
type HTTP2Client struct {
	Conn      net.Conn
	Framer    *http2.Framer
	NextID    uint32                     // of the stream to open
	Authority string                     // of requests; empty for proxy
	Settings  map[http2.SettingID]uint32 // of the server
	GoAway    *http2.ErrCode             // what the connection has ended with
	Err       error                      // why nothing more can be read

	t             testing.TB
	head          bytes.Buffer
	encoder       *hpack.Encoder
	window        int64 // bytes that may be sent on the connection
	initialWindow int64 // bytes that may be sent on a new stream
	streams       map[uint32]*stream
}

// stream is what has arrived on a stream.
type stream struct {
	Response
	isOver bool
	reset  *http2.ErrCode
	window int64 // bytes that may be sent
}

// MaxFrame is how many bytes a frame may have.
const MaxFrame = 16 << 10

// DialHTTP2 opens a connection over TLS and waits for the settings of the proxy.
func (p *Proxy) DialHTTP2(settings ...http2.Setting) *HTTP2Client {
	p.T.Helper()
	raw := p.Dial()
	if p.isInBubble {
		raw = newReadAhead(raw)
	}
	conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err := conn.Handshake(); err != nil {
		p.T.Fatal(err)
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != "h2" {
		p.T.Fatalf("the protocol is %q", got)
	}
	return NewHTTP2Client(p.T, conn, settings...)
}

// NewHTTP2Client begins HTTP/2 on a connection and waits for the settings of the server.
func NewHTTP2Client(t testing.TB, conn net.Conn, settings ...http2.Setting) *HTTP2Client {
	t.Helper()
	c := &HTTP2Client{Conn: conn, NextID: 1, t: t, window: 65535, Settings: map[http2.SettingID]uint32{}, streams: map[uint32]*stream{}}
	c.Framer = http2.NewFramer(c.Conn, c.Conn)
	c.Framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.encoder = hpack.NewEncoder(&c.head)
	if _, err := c.Conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	c.Check(c.Framer.WriteSettings(settings...))
	for len(c.Settings) == 0 {
		c.MustRead()
	}
	c.initialWindow = int64(c.Settings[http2.SettingInitialWindowSize])
	return c
}

// Check fails the test if a frame could not be written.
func (c *HTTP2Client) Check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("write a frame: %v", err)
	}
}

// Pack returns the header block of fields, given as names and values in turn.
func (c *HTTP2Client) Pack(fields ...string) []byte {
	c.head.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(c.head.Bytes())
}

// Open sends the headers of a request; more are names and values in turn. endsStream says
// that there is no body.
func (c *HTTP2Client) Open(method, target string, endsStream bool, more ...string) (id uint32) {
	c.t.Helper()
	c.streams[c.NextID] = &stream{window: c.initialWindow}
	id, err := c.TryOpen(method, target, endsStream, more...)
	c.Check(err)
	return id
}

// TryOpen is Open for a stream whose response nobody reads.
func (c *HTTP2Client) TryOpen(method, target string, endsStream bool, more ...string) (id uint32, err error) {
	id = c.NextID
	c.NextID += 2
	block := c.Pack(append([]string{":method", method, ":scheme", "https", ":authority", cmp.Or(c.Authority, "proxy"), ":path", target}, more...)...)
	first := block[:min(len(block), MaxFrame)]
	rest := block[len(first):]
	err = c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: endsStream, EndHeaders: len(rest) == 0})
	for len(rest) > 0 && err == nil {
		part := rest[:min(len(rest), MaxFrame)]
		rest = rest[len(part):]
		err = c.Framer.WriteContinuation(id, len(rest) == 0, part)
	}
	return id, err
}

// OpenFields sends headers without a body; fields are all names and values in turn.
func (c *HTTP2Client) OpenFields(fields ...string) (id uint32) {
	c.t.Helper()
	id = c.NextID
	c.NextID += 2
	c.streams[id] = &stream{window: c.initialWindow}
	c.Check(c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.Pack(fields...), EndStream: true, EndHeaders: true}))
	return id
}

// Send sends data as flow control allows, until the stream has its response.
func (c *HTTP2Client) Send(id uint32, data string, endsStream bool) {
	c.t.Helper()
	st := c.streams[id]
	for {
		part := data[:max(0, min(int64(len(data)), int64(MaxFrame), st.window, c.window))]
		if len(part) == 0 && len(data) > 0 {
			if c.MustRead(); st.isOver {
				return
			}
			continue
		}
		data = data[len(part):]
		st.window -= int64(len(part))
		c.window -= int64(len(part))
		c.Check(c.Framer.WriteData(id, endsStream && len(data) == 0, []byte(part)))
		if len(data) == 0 {
			return
		}
	}
}

// MustRead reads one frame.
func (c *HTTP2Client) MustRead() {
	c.t.Helper()
	if !c.Read() {
		c.t.Fatalf("read a frame: %v, GOAWAY %v", c.Err, c.GoAway)
	}
}

// Read reads one frame. It returns false at the end of the connection.
func (c *HTTP2Client) Read() bool {
	f, err := c.Framer.ReadFrame()
	if err != nil {
		c.Err = err
		return false
	}
	st := c.streams[f.Header().StreamID]
	if st == nil {
		st = new(stream) // nobody reads its response
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		_ = f.ForeachSetting(func(s http2.Setting) error { c.Settings[s.ID] = s.Val; return nil })
		if !f.IsAck() {
			c.Err = c.Framer.WriteSettingsAck()
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			c.window += int64(f.Increment)
		}
		st.window += int64(f.Increment)
	case *http2.MetaHeadersFrame:
		st.Status, _ = strconv.Atoi(f.PseudoValue("status"))
		st.Header = http.Header{}
		for _, field := range f.RegularFields() {
			st.Header.Add(field.Name, field.Value)
		}
		st.isOver = f.StreamEnded()
	case *http2.DataFrame:
		st.Body += string(f.Data())
		st.isOver = f.StreamEnded()
	case *http2.RSTStreamFrame:
		if !st.isOver {
			st.reset, st.isOver = &f.ErrCode, true
		}
	case *http2.GoAwayFrame:
		c.GoAway = &f.ErrCode
	}
	return true
}

// Received returns the body that has arrived on a stream so far.
func (c *HTTP2Client) Received(id uint32) string { return c.streams[id].Body }

// Response waits for the response on a stream. Its status is -1 if the stream is reset.
func (c *HTTP2Client) Response(id uint32) Response {
	c.t.Helper()
	st := c.streams[id]
	for !st.isOver {
		c.MustRead()
	}
	delete(c.streams, id)
	if st.reset != nil {
		return Response{Status: -1, Body: st.reset.String()}
	}
	return st.Response
}

// ReadToEnd reads until the proxy closes the connection.
func (c *HTTP2Client) ReadToEnd() {
	c.t.Helper()
	for c.Read() {
	}
	if ne, ok := c.Err.(interface{ Timeout() bool }); ok && ne.Timeout() {
		c.t.Errorf("the connection is not closed: %v", c.Err)
	}
}

// Do sends a request, with header fields as "Name: value", and waits for its response.
func (c *HTTP2Client) Do(method, target, body string, headers ...string) Response {
	c.t.Helper()
	if err := c.Conn.SetDeadline(time.Now().Add(Timeout)); err != nil {
		c.t.Fatal(err)
	}
	var fields []string
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		fields = append(fields, strings.ToLower(name), strings.TrimSpace(value))
	}
	if body != "" {
		fields = append(fields, "content-length", fmt.Sprint(len(body)))
	}
	id := c.Open(method, target, body == "", fields...)
	if body != "" {
		c.Send(id, body, true)
	}
	return c.Response(id)
}
