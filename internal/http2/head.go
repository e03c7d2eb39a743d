package http2

import (
	"errors"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"statsd-http-proxy/internal/exchange"
)

// headBlock is the header block that is being read.
type headBlock struct {
	isOpen      bool // its end has not arrived
	id          uint32
	endsStream  bool
	isMalformed bool // RFC 9113, section 8.1.1
	deadline    time.Time
	size        int // bytes, compressed
	fragments   int

	x          *exchange.Exchange // of a request; nil for a block that is only decoded
	isTrailers bool               // the block ends an open stream
	room       int                // bytes of fields that may follow
	herr       *exchange.HTTPError

	// The fields of a request.
	counts                  exchange.FieldCounts
	pseudo                  pseudoFields
	scheme, authority, host exchange.Span
	hasRegular              bool
	violation               *exchange.HTTPError // the response before the stream is reset; nil for none
}

// pseudoFields is a set of pseudo-header fields.
type pseudoFields uint8

const (
	pseudoMethod pseudoFields = 1 << iota
	pseudoScheme
	pseudoAuthority
	pseudoPath
)

// Errors that are answered before the stream is reset.
var (
	badTarget     = exchange.Malformed("its :path is not the path of a URL")
	badConnection = exchange.Malformed("it has a header that HTTP/2 forbids, such as Connection or Transfer-Encoding")
	badBlanks     = exchange.Malformed("a header's value begins or ends with a blank")
	bodyTooLong   = exchange.Malformed("its body is longer than its Content-Length")
)

// versionSize is the size of what the head of a request has in HTTP/1.1 in addition to the
// values of the pseudo-header fields. A head may be as large as over HTTP/1.
const versionSize = len("  HTTP/1.1\r\nHost: \r\n\r\n")

// openHead begins the header block of a stream.
func (c *conn) openHead(id uint32, endsStream bool) error {
	c.head = headBlock{isOpen: true, id: id, endsStream: endsStream, deadline: c.now.Add(c.server.options.ReadTimeout)}
	h := &c.head
	st := c.find(id)
	switch {
	case st != nil && st.hasEnded:
		h.isMalformed = true
		return nil
	case st != nil:
		h.isTrailers, h.room, h.isMalformed = true, exchange.MaxHead, !endsStream
		return nil
	case id > c.lastID:
		c.lastID = id
		h.x = exchange.Acquire(c.Peer)
		h.x.HeadBuffer = h.x.HeadBuffer[:0]
		h.room = exchange.MaxHead - versionSize
		return nil
	case c.reset.has(id):
		return c.take(costClosed)
	case id == c.lastID:
		return http2.ConnectionError(http2.ErrCodeStreamClosed)
	}
	return http2.ConnectionError(http2.ErrCodeProtocol)
}

// onFragment decodes a part of a header block.
func (c *conn) onFragment(fragment []byte, isLast bool) error {
	h := &c.head
	h.size += len(fragment)
	h.fragments++
	if h.size > maxBlock || h.fragments > maxFragments {
		return errCalm
	}
	if _, err := c.hpack.Write(fragment); err != nil {
		return headError(err)
	}
	if !isLast {
		return nil
	}
	h.isOpen = false
	c.hpack.SetEmitEnabled(true)
	if err := c.hpack.Close(); err != nil {
		return headError(err)
	}
	return c.endHead()
}

// headError returns the connection error for an error of the HPACK decoder: the state of
// the decoder is lost.
func headError(err error) error {
	if errors.Is(err, hpack.ErrStringLength) {
		return errCalm
	}
	return http2.ConnectionError(http2.ErrCodeCompression)
}

// releaseHead gives back the memory of an unfinished header block.
func (c *conn) releaseHead() {
	if c.head.x != nil {
		c.head.x.Release()
		c.head.x = nil
	}
}

// onField takes a field of the header block.
func (c *conn) onField(f hpack.HeaderField) {
	h := &c.head
	if h.isMalformed || h.x == nil && !h.isTrailers {
		c.hpack.SetEmitEnabled(false)
		return
	}
	isPseudo := f.IsPseudo()
	switch {
	case !isPseudo:
		h.room -= len(f.Name) + len(": ") + len(f.Value) + len("\r\n")
	case f.Name != ":scheme":
		h.room -= len(f.Value)
	}
	if h.room < 0 {
		h.herr = exchange.HeadTooLong
		if f.Name == ":path" {
			h.herr = exchange.TargetTooLong
		}
		c.hpack.SetEmitEnabled(false)
		return
	}
	switch {
	case isPseudo:
		h.addPseudo(f)
	case !isFieldName(f.Name) || !isFieldValue(f.Value):
		h.isMalformed = true
	case h.x != nil:
		h.addField(f)
	}
}

// addPseudo takes a pseudo-header field (RFC 9113, section 8.3).
func (h *headBlock) addPseudo(f hpack.HeaderField) {
	if h.x == nil || h.hasRegular || !isFieldValue(f.Value) || hasBlanks(f.Value) {
		h.isMalformed = true
		return
	}
	q := &h.x.Request
	var field pseudoFields
	var span *exchange.Span
	switch f.Name {
	case ":method":
		field, span = pseudoMethod, &q.Method
	case ":scheme":
		field, span = pseudoScheme, &h.scheme
	case ":authority":
		field, span = pseudoAuthority, &h.authority
	case ":path":
		field, span = pseudoPath, &q.Target
	}
	if field == 0 || h.pseudo&field != 0 {
		h.isMalformed = true
		return
	}
	h.pseudo |= field
	*span = h.append(f.Value)
}

// addField takes another field of a request.
func (h *headBlock) addField(f hpack.HeaderField) {
	h.hasRegular = true
	switch f.Name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade": // RFC 9113, section 8.2.2
		h.violation = badConnection
		return
	case "te":
		if f.Value != "trailers" {
			h.violation = badConnection
		}
		return
	}
	if hasBlanks(f.Value) { // ibid., section 8.2.1
		h.violation = badBlanks
	}
	name, value := h.append(f.Name), h.append(f.Value)
	head := h.x.HeadBuffer
	hosts := h.counts.Hosts
	herr := h.x.Request.SetField(head[name.Start:name.End], head[value.Start:value.End], int(value.Start), &h.counts)
	if herr != nil && h.herr == nil {
		h.herr = herr
	}
	if h.counts.Hosts > hosts {
		h.host = value
	}
}

// append copies text to the end of the request's head.
func (h *headBlock) append(text string) exchange.Span {
	start := len(h.x.HeadBuffer)
	h.x.HeadBuffer = append(h.x.HeadBuffer, text...)
	return exchange.Span{Start: uint16(start), End: uint16(start + len(text))}
}

// endTrailers ends a stream, unless its time was over before the end of the trailers.
func (c *conn) endTrailers() error {
	h := &c.head
	if h.isMalformed || h.herr != nil {
		return c.fail(h.id, http2.ErrCodeProtocol)
	}
	if st := c.find(h.id); st != nil {
		return c.endBody(st)
	}
	return nil
}

// endHead handles the header block, which is complete.
func (c *conn) endHead() error {
	h := &c.head
	switch {
	case h.isTrailers:
		return c.endTrailers()
	case h.x == nil && h.isMalformed:
		return c.fail(h.id, http2.ErrCodeStreamClosed)
	case h.x == nil:
		return nil
	case len(c.streams) >= maxStreams || c.drain.isFinal:
		c.releaseHead()
		return c.fail(h.id, http2.ErrCodeRefusedStream)
	}
	herr := h.checkHead()
	if h.isMalformed {
		c.releaseHead()
		return c.fail(h.id, http2.ErrCodeProtocol)
	}
	x := h.x
	h.x = nil
	if x.Request.BodyLength == 0 && !x.Request.HasLength && !h.endsStream {
		x.Request.BodyLength = exchange.Chunked
	}
	return c.begin(c.open(h.id, x, h.endsStream), herr, h.violation != nil)
}
