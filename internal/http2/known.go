package http2

import (
	"bytes"

	"statsd-http-proxy/internal/exchange"
)

// knownHead is the last header block that was decoded, with the request that it became. A
// client often sends the same block again and again: after its first request, most fields are
// references to the HPACK table, and clients do not put the path into that.
//
// A block that adds nothing to the table has the same meaning when it comes twice in a row.
type knownHead struct {
	block   []byte
	head    []byte // Request.Head
	request exchange.Request
}

// maxKnown is the maximum size in bytes of a block, and of a head, that a connection keeps.
const maxKnown = 1 << 10

// recall completes the head of a request if its block is the one that was decoded last.
func (c *conn) recall(block []byte) bool {
	known, x := c.known, c.head.x
	if known == nil || x == nil || len(block) == 0 || !bytes.Equal(block, known.block) {
		return false
	}
	x.HeadBuffer = append(x.HeadBuffer, known.head...)
	forwardedFor := append(x.Request.ForwardedFor, known.request.ForwardedFor...)
	x.Request = known.request
	x.Request.Head, x.Request.ForwardedFor = x.HeadBuffer, forwardedFor
	return true
}

// remember keeps the head of a request that is valid, with the block that it came in, if
// the same block will mean the same.
func (c *conn) remember(block []byte) {
	q := &c.head.x.Request
	if len(block) == 0 || len(block) > maxKnown || len(q.Head) > maxKnown || !isRepeatable(block) {
		return
	}
	if c.known == nil {
		c.known = new(knownHead)
	}
	known := c.known
	known.block = append(known.block[:0], block...)
	known.head = append(known.head[:0], q.Head...)
	forwardedFor := append(known.request.ForwardedFor[:0], q.ForwardedFor...)
	known.request = *q
	known.request.Head, known.request.ForwardedFor = nil, forwardedFor
}

// forget forgets the known head, because another block follows.
func (c *conn) forget() {
	if c.known != nil {
		c.known.block = c.known.block[:0]
	}
}

// isRepeatable reports whether a block that was decoded adds nothing to the HPACK table (RFC
// 7541, section 6). It may set the size of the table: to do that again changes nothing.
func isRepeatable(block []byte) bool {
	for len(block) > 0 {
		var index int
		switch first := block[0]; {
		case first&0x80 != 0: // a field of a table
			_, block = cutInteger(block, 7)
		case first&0x40 != 0: // a literal that is added
			return false
		case first&0x20 != 0: // the size of the table
			_, block = cutInteger(block, 5)
		default: // another literal: a name, or its index, and a value
			if index, block = cutInteger(block, 4); index == 0 {
				block = cutString(block)
			}
			block = cutString(block)
		}
	}
	return true
}

// cutInteger returns the integer that a part of a valid block begins with, in the last bits of
// its first byte (RFC 7541, section 5.1), and the rest of the block.
func cutInteger(block []byte, bits int) (n int, rest []byte) {
	most := 1<<bits - 1
	n, rest = int(block[0])&most, block[1:]
	if n < most {
		return n, rest
	}
	for shift := 0; ; shift += 7 {
		b := rest[0]
		rest = rest[1:]
		if n += int(b&0x7f) << shift; b < 0x80 {
			return n, rest
		}
	}
}

// cutString returns what follows the string that a part of a valid block begins with (ibid.,
// section 5.2).
func cutString(block []byte) (rest []byte) {
	length, rest := cutInteger(block, 7)
	return rest[length:]
}
