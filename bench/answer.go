//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// answer is an answer of HTTP/1.1 that is being received.
type answer struct {
	buffer   [16 << 10]byte
	received int
}

// room returns where to put what comes next.
func (a *answer) room() []byte { return a.buffer[a.received:] }

// add adds the first n bytes of room, and tells whether the answer is complete.
// Then the next one begins.
func (a *answer) add(n int) (bool, error) {
	a.received += n
	length, err := answerLength(a.buffer[:a.received])
	if err != nil || length == 0 || length > a.received {
		return false, err
	}
	if length < a.received {
		return false, fmt.Errorf("more than an answer came: %q", a.buffer[:a.received])
	}
	a.received = 0
	return true, nil
}

var (
	endOfHead     = []byte("\r\n\r\n")
	contentLength = []byte("\r\ncontent-length:")
)

// answerLength returns how many bytes the answer takes that received begins
// with, or 0 if its head is not complete. It is an error unless the answer is
// 200 and says how long it is.
func answerLength(received []byte) (int, error) {
	head := bytes.Index(received, endOfHead)
	if head < 0 {
		return 0, nil
	}
	if !bytes.HasPrefix(received, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("the answer is %q, want 200", received)
	}
	value, ok := header(received[:head], contentLength)
	if !ok {
		return 0, fmt.Errorf("the answer has no Content-Length: %q", received)
	}
	body, err := strconv.Atoi(string(value))
	if err != nil || body < 0 {
		return 0, fmt.Errorf("read the answer's Content-Length: %q is not a length", value)
	}
	return head + len(endOfHead) + body, nil
}

// header returns the value of a header, whose name stands in lower case between
// the end of a line and a colon.
func header(head, name []byte) (value []byte, ok bool) {
	for rest := head; len(rest) >= len(name); {
		if bytes.EqualFold(rest[:len(name)], name) {
			value, _, _ = bytes.Cut(rest[len(name):], endOfHead[:2])
			return bytes.TrimSpace(value), true
		}
		next := bytes.IndexByte(rest[1:], '\r')
		if next < 0 {
			break
		}
		rest = rest[1+next:]
	}
	return nil, false
}
