package server

import (
	"bytes"
	"strconv"
	"sync"
	"time"
)

// earlyBody is the size up to which a body is read although its request is
// refused, so that the connection can be used again. One that is larger, of
// unknown size or yet to be asked for is left where it is.
const earlyBody = maxHead

// maxExtras is how many bytes all that is not data may take in a body of
// chunks: their extensions and the trailers. None of it is used for anything.
const maxExtras = 8 << 10

// message is the body of a request.
type message struct {
	framing
	isRead   bool // to its end
	isBroken bool // its end will not be found

	memory bodyMemory
}

// isOver tells whether nothing of the request is left on the connection.
func (m *message) isOver() bool { return m.isRead || m.length == 0 }

var (
	bodyTooShort = malformed("it ends before its body does")
	badChunk     = malformed("its chunks are broken")
	badTrailer   = malformed("a trailer has no place there")
	longExtras   = malformed("the extensions of its chunks and its trailers are larger than 8 KiB")
)

// readBody reads the body of a request, up to limit bytes. It is void when the
// request is answered.
func (c *conn) readBody(limit int) (body []byte, no *refusal) {
	m := &c.body
	if m.isOver() {
		return nil, nil
	}
	if m.length > limit {
		return nil, c.server.refuseBody()
	}
	if m.continues && len(c.in.bytes()) == 0 {
		if no := c.askForBody(); no != nil {
			return nil, no
		}
	}
	switch {
	case m.length == chunked:
		body, no = c.readChunks(limit)
	case m.length <= maxHead: // it can lie where it is received
		for len(c.in.bytes()) < m.length && no == nil {
			no = c.fillBody()
		}
		if no == nil {
			body = c.in.bytes()[:m.length]
			c.in.skip(m.length)
		}
	default:
		body, no = c.readData(nil, m.length, m.length)
	}
	m.isRead = no == nil
	return body, no
}

// skipBody reads what is left of a small body and tells whether the connection
// can be used again.
func (c *conn) skipBody() bool {
	m := &c.body
	if !m.isOver() && !m.isBroken && m.length != chunked && m.length <= earlyBody && !m.continues && !m.unmet {
		_, _ = c.readBody(earlyBody)
	}
	return m.isOver()
}

// askForBody tells the client that its body is wanted.
func (c *conn) askForBody() *refusal {
	if err := c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"), time.Now()); err != nil {
		c.body.isBroken = true
		return refuseCut(err, bodyTooShort)
	}
	return nil
}

// fillBody waits for more of a body.
func (c *conn) fillBody() *refusal {
	c.startTime()
	if err := c.in.fill(); err != nil {
		c.body.isBroken = true
		return refuseCut(err, bodyTooShort)
	}
	return nil
}

// readData appends n bytes of a body to dst, which may grow up to limit bytes.
// Memory is taken as they arrive: what a client only declares takes none.
func (c *conn) readData(dst []byte, n, limit int) ([]byte, *refusal) {
	for n > 0 {
		part := c.in.bytes()
		if len(part) == 0 {
			if no := c.fillBody(); no != nil {
				return dst, no
			}
			continue
		}
		part = part[:min(n, len(part))]
		if need := len(dst) + len(part); need > c.body.memory.held {
			if no := c.body.memory.hold(c.server, min(2*need, limit)); no != nil {
				return dst, c.breaks(no)
			}
			dst = c.body.memory.grow(dst, need)
		}
		dst = append(dst, part...)
		c.in.skip(len(part))
		n -= len(part)
	}
	return dst, nil
}

// readChunks reads a body that comes in chunks (RFC 9112, section 7.1).
//
//	7␍␊
//	value=1␍␊
//	0␍␊
//	␍␊
func (c *conn) readChunks(limit int) (dst []byte, no *refusal) {
	extras := maxExtras
	for {
		line, no := c.readLine(extras, isHexDigit)
		if no != nil {
			return dst, no
		}
		size, extension := parseChunkSize(line)
		if size < 0 || hasControl(extension) {
			return dst, c.breaks(badChunk)
		}
		if extras -= len(extension); size == 0 {
			break
		}
		if size > limit-len(dst) {
			return dst, c.server.refuseBody()
		}
		if dst, no = c.readData(dst, size, limit); no != nil {
			return dst, no
		}
		if no = c.readCRLF(); no != nil {
			return dst, no
		}
	}
	for {
		line, no := c.readLine(extras, nil)
		if no != nil {
			return dst, no
		}
		if len(line) == 0 {
			return dst, nil
		}
		extras -= len(line)
		if no := checkTrailer(line); no != nil {
			return dst, c.breaks(no)
		}
	}
}

// readLine returns the next line of a body without its end. It is valid until
// more is read. Room for the size of a chunk aside, it may have extras bytes.
// Where begins is given, it tells whether the line of a chunk begins so: a wrong
// one is not waited for.
func (c *conn) readLine(extras int, begins func(byte) bool) (line []byte, no *refusal) {
	const sizeRoom = maxSizeDigits + len("\r")
	for {
		b := c.in.bytes()
		i := bytes.IndexByte(b, '\n')
		switch {
		case begins != nil && len(b) > 0 && !begins(b[0]):
			return nil, c.breaks(badChunk)
		case i > extras+sizeRoom || i < 0 && len(b) > extras+sizeRoom:
			return nil, c.breaks(longExtras)
		case i == 0 || i > 0 && b[i-1] != '\r':
			return nil, c.breaks(badLineEnd)
		case i > 0:
			c.in.skip(i + 1)
			return b[:i-1], nil
		}
		if no := c.fillBody(); no != nil {
			return nil, no
		}
	}
}

// readCRLF reads what ends a chunk.
func (c *conn) readCRLF() *refusal {
	for len(c.in.bytes()) < len(crlf) {
		if no := c.fillBody(); no != nil {
			return no
		}
	}
	if !bytes.HasPrefix(c.in.bytes(), crlf) {
		return c.breaks(badChunk)
	}
	c.in.skip(len(crlf))
	return nil
}

// breaks notes that the end of the body will not be found.
func (c *conn) breaks(no *refusal) *refusal {
	c.body.isBroken = true
	return no
}

// maxSizeDigits is how many digits the size of a chunk may have.
const maxSizeDigits = 8

// parseChunkSize reads the line before a chunk, size -1 for what is none.
//
//	1f;name=value
//	^^ ^^^^^^^^^^
//	size extension
func parseChunkSize(line []byte) (size int, extension []byte) {
	i := 0
	for i < len(line) && isHexDigit(line[i]) {
		i++
	}
	if i > maxSizeDigits || i < len(line) && line[i] != ';' {
		return -1, nil
	}
	n, err := strconv.ParseUint(string(line[:i]), 16, 31) // which any int holds
	if err != nil {
		return -1, nil
	}
	return int(n), line[i:]
}

func isHexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// checkTrailer refuses a trailer that is malformed, or that would say how the
// request is to be read had it come with the headers (RFC 9110, section 6.5.1).
// Others are passed over.
func checkTrailer(line []byte) *refusal {
	n := tokenLength(line)
	switch {
	case n == 0 || n == len(line) || line[n] != ':':
		return badName
	case hasControl(line[n:]):
		return badValue
	}
	for _, other := range []string{"Content-Length", "Transfer-Encoding", "Host", "Expect", "Content-Encoding", "Content-Type"} {
		if bytes.EqualFold(line[:n], []byte(other)) {
			return badTrailer
		}
	}
	return nil
}

// maxBodies is how many bytes all bodies that are being read may take together.
// A body up to earlyBody bytes counts only where it comes in chunks.
const maxBodies = 32 << 20

// bodyMemory is memory for a body that does not lie where it was received in one
// piece.
type bodyMemory struct {
	buffer *[]byte // nil while none is needed
	held   int     // bytes that are set aside for it
}

// hold sets n bytes of memory aside for the body in all.
func (m *bodyMemory) hold(s *Server, n int) *refusal {
	most := max(maxBodies, 2*s.options.MaxBody)
	more := n - m.held
	if s.held.Add(int64(more)) > int64(most) {
		s.held.Add(int64(-more))
		return refuseBusy("too many large bodies arrive at once")
	}
	m.held = n
	return nil
}

// bodies keeps memory for bodies, as *[]byte.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// grow returns dst with room for need bytes in all, and for those that are held.
func (m *bodyMemory) grow(dst []byte, need int) []byte {
	if m.buffer == nil {
		m.buffer = bodies.Get().(*[]byte)
		dst = (*m.buffer)[:0]
	}
	if cap(dst) < need {
		dst = append(make([]byte, 0, max(need, m.held)), dst...)
		*m.buffer = dst
	}
	return dst
}

// letGo gives back the memory of the body, which is void now.
func (m *bodyMemory) letGo(s *Server) {
	if m.buffer == nil {
		return
	}
	if cap(*m.buffer) <= maxKept {
		bodies.Put(m.buffer)
	}
	s.held.Add(int64(-m.held))
	m.buffer, m.held = nil, 0
}
