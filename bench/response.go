//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// response is an HTTP/1.1 response that is being received.
type response struct {
	buffer   [16 << 10]byte
	received int
}

// room returns the memory for the next bytes of the response.
func (r *response) room() []byte { return r.buffer[r.received:] }

// add adds the first n bytes of room to the response and reports whether it is
// complete. After a complete response, a new one begins.
func (r *response) add(n int) (bool, error) {
	r.received += n
	length, err := responseLength(r.buffer[:r.received])
	if err != nil || length == 0 || length > r.received {
		return false, err
	}
	if length < r.received {
		return false, fmt.Errorf("the server sent more than one response: %q", r.buffer[:r.received])
	}
	r.received = 0
	return true, nil
}

var (
	endOfHead     = []byte("\r\n\r\n")
	contentLength = []byte("\r\ncontent-length:")
)

// responseLength returns the number of bytes of the response at the beginning of
// received, or 0 if its head is incomplete. A response is an error unless its
// status is 200 and it has a Content-Length.
func responseLength(received []byte) (int, error) {
	head := bytes.Index(received, endOfHead)
	if head < 0 {
		return 0, nil
	}
	if !bytes.HasPrefix(received, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("got response %q, want status 200", received)
	}
	value, ok := header(received[:head], contentLength)
	if !ok {
		return 0, fmt.Errorf("the response has no Content-Length: %q", received)
	}
	body, err := strconv.Atoi(string(value))
	if err != nil || body < 0 {
		return 0, fmt.Errorf("invalid Content-Length %q of the response: want a number", value)
	}
	return head + len(endOfHead) + body, nil
}

// header returns the value of a header. name is the header's name in lower case,
// with CR LF before it and a colon after it.
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
