//go:build linux

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Request returns the frames of a request. Their stream is 0; see
// http2Conn.sendWaiting.
func http2Request(path, body string) []byte {
	var block, frames bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.SetMaxDynamicTableSize(0) // so that the same frames can be sent on every stream
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: "127.0.0.1"},
		{Name: ":path", Value: path},
		{Name: "content-type", Value: "application/json"},
		{Name: "content-length", Value: fmt.Sprint(len(body))},
	} {
		_ = encoder.WriteField(field) // never fails for a buffer
	}
	framer := http2.NewFramer(&frames, nil)
	framer.AllowIllegalWrites = true // allow stream 0
	// Writes to a buffer do not fail.
	_ = framer.WriteHeaders(http2.HeadersFrameParam{BlockFragment: block.Bytes(), EndHeaders: true})
	_ = framer.WriteData(0, true, []byte(body))
	return frames.Bytes()
}

// The header of a frame (RFC 9113, section 4.1): 3 bytes length, 1 byte type,
// 1 byte flags, 4 bytes stream.
const (
	frameHeader  = 9
	streamOffset = 5

	// statusOKField is ":status: 200" as an indexed header field (RFC 7541,
	// section 6.1).
	statusOKField = 0x80 | 8
)

// isOK reports whether a header block begins with status 200. Updates of the size of the
// dynamic table may stand before it (RFC 7541, section 6.3): the bits 001, then an integer
// whose bytes continue after 31 and after bytes from 128.
func isOK(block []byte) bool {
	for len(block) > 0 && block[0]&0xe0 == 0x20 {
		isLast := block[0]&0x1f < 0x1f
		block = block[1:]
		for !isLast && len(block) > 0 {
			isLast = block[0] < 0x80
			block = block[1:]
		}
	}
	return len(block) > 0 && block[0] == statusOKField
}

// http2Conn is a connection for HTTP/2. To be fast, it implements only what is needed
// for these requests.
type http2Conn struct {
	*socket
	tls    *tls.Conn
	reader *bufio.Reader
	out    []byte // frames that flush writes
	stream uint32 // of the next request
	window int    // flow-control window of the connection in bytes

	request []byte
	waiting int // requests that wait until the window allows them
}

func newHTTP2Conn(s *socket, conn *tls.Conn) *http2Conn {
	hello := bytes.NewBufferString(http2.ClientPreface)
	framer := http2.NewFramer(hello, nil)
	// The large window never blocks responses. Writes to a buffer do not fail.
	_ = framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0})
	_ = framer.WriteWindowUpdate(0, 1<<30)
	return &http2Conn{socket: s, tls: conn, reader: bufio.NewReaderSize(conn, 64<<10), out: hello.Bytes(), stream: 1, window: 65535}
}

func (c *http2Conn) close() { _ = c.tls.Close() }

func (c *http2Conn) send(request []byte) error {
	c.request = request
	c.waiting++
	c.sendWaiting()
	return nil
}

// sendWaiting appends the frames of waiting requests to out.
func (c *http2Conn) sendWaiting() {
	body := len(c.request) - 2*frameHeader - frameLength(c.request)
	for ; c.waiting > 0 && c.window >= body; c.waiting-- {
		start := len(c.out)
		c.out = append(c.out, c.request...)
		headers := c.out[start:]
		data := headers[frameHeader+frameLength(headers):]
		binary.BigEndian.PutUint32(headers[streamOffset:], c.stream)
		binary.BigEndian.PutUint32(data[streamOffset:], c.stream)
		c.stream += 2
		c.window -= body
	}
}

func (c *http2Conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.tls.Write(c.out)
	c.out = c.out[:0]
	return err
}

func (c *http2Conn) receive() (int, error) {
	c.expect()
	for responses := 0; ; {
		done, err := c.receiveFrame()
		switch {
		case err == errWouldBlock:
			return responses, nil
		case err != nil:
			return responses, err
		case done:
			responses++
		}
	}
}

// frameLength returns the length of the payload of a frame.
func frameLength(frame []byte) int {
	return int(frame[0])<<16 | int(frame[1])<<8 | int(frame[2])
}

// receiveFrame reads a frame and reports whether it completes a response.
func (c *http2Conn) receiveFrame() (bool, error) {
	header, err := c.reader.Peek(frameHeader)
	if err != nil {
		return false, err
	}
	length, kind, flags := frameLength(header), http2.FrameType(header[3]), http2.Flags(header[4])
	frame, err := c.reader.Peek(frameHeader + length)
	if err != nil {
		return false, err
	}
	payload := frame[frameHeader:]
	switch {
	case kind == http2.FrameHeaders:
		if !isOK(payload) {
			return false, fmt.Errorf("got a response with the header block %x, want one that begins with status 200", payload)
		}
	case kind == http2.FrameSettings && !flags.Has(http2.FlagSettingsAck):
		c.out = append(c.out, 0, 0, 0, byte(http2.FrameSettings), byte(http2.FlagSettingsAck), 0, 0, 0, 0)
	case kind == http2.FrameWindowUpdate && binary.BigEndian.Uint32(frame[streamOffset:]) == 0 && length == 4:
		c.window += int(binary.BigEndian.Uint32(payload))
		c.sendWaiting()
	case kind == http2.FrameRSTStream && length == 4 && binary.BigEndian.Uint32(payload) == uint32(http2.ErrCodeNo):
		// nginx responds before it has read the body, and asks to stop sending it (RFC 9113, section 8.1).
	case kind == http2.FrameRSTStream, kind == http2.FrameGoAway:
		return false, fmt.Errorf("the server sent %s: %q", kind, payload)
	}
	canEndStream := kind == http2.FrameHeaders || kind == http2.FrameData
	_, err = c.reader.Discard(len(frame))
	return canEndStream && flags.Has(http2.FlagDataEndStream), err
}
