//go:build linux

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// maxStreams is the maximum number of open requests on the HTTP/2 connection.
const maxStreams = 100

// http2Request returns the frames of a request. Their stream is 0; see
// http2Load.send.
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

// http2Load is the load for HTTP/2: one connection with many streams. To be fast,
// it implements only what is needed for these requests.
type http2Load struct {
	*tls.Conn
	reader *bufio.Reader
	out    []byte // frames that are written when there is nothing left to read
	stream uint32 // of the next request
	window int    // flow-control window of the connection in bytes
}

// newHTTP2Load connects to 127.0.0.1:port. The caller must close the load.
func newHTTP2Load(port int) (*http2Load, error) {
	conn, err := dialTLS(port, "h2")
	if err != nil {
		return nil, fmt.Errorf("connect to port %d: %w", port, err)
	}
	hello := bytes.NewBufferString(http2.ClientPreface)
	framer := http2.NewFramer(hello, nil)
	// The large window never blocks responses. Writes to a buffer do not fail.
	_ = framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0})
	_ = framer.WriteWindowUpdate(0, 1<<30)
	return &http2Load{Conn: conn, reader: bufio.NewReaderSize(conn, 64<<10), out: hello.Bytes(), stream: 1, window: 65535}, nil
}

func (l *http2Load) close() { l.Conn.Close() }

func (l *http2Load) run(n int, request func(conn int) []byte) error {
	if err := l.SetDeadline(time.Now().Add(responseTimeout)); err != nil {
		return err
	}
	frames := request(0)
	body := len(frames) - 2*frameHeader - frameLength(frames)
	for sent, received := 0, 0; received < n; {
		for ; sent < n && sent-received < maxStreams && l.window >= body; sent++ {
			l.send(frames)
			l.window -= body
		}
		if l.reader.Buffered() == 0 && len(l.out) > 0 {
			if _, err := l.Write(l.out); err != nil {
				return fmt.Errorf("send requests: %w", err)
			}
			l.out = l.out[:0]
		}
		done, err := l.receive()
		if err != nil {
			return fmt.Errorf("read a response: %w", err)
		}
		if done {
			received++
		}
	}
	return nil
}

// send appends the two frames of a request to out, for the next stream.
func (l *http2Load) send(frames []byte) {
	start := len(l.out)
	l.out = append(l.out, frames...)
	headers := l.out[start:]
	data := headers[frameHeader+frameLength(headers):]
	binary.BigEndian.PutUint32(headers[streamOffset:], l.stream)
	binary.BigEndian.PutUint32(data[streamOffset:], l.stream)
	l.stream += 2
}

// frameLength returns the length of the payload of a frame.
func frameLength(frame []byte) int {
	return int(frame[0])<<16 | int(frame[1])<<8 | int(frame[2])
}

// receive reads a frame and reports whether it completes a response.
func (l *http2Load) receive() (bool, error) {
	header, err := l.reader.Peek(frameHeader)
	if err != nil {
		return false, err
	}
	length, kind, flags := frameLength(header), http2.FrameType(header[3]), http2.Flags(header[4])
	frame, err := l.reader.Peek(frameHeader + length)
	if err != nil {
		return false, err
	}
	payload := frame[frameHeader:]
	switch {
	case kind == http2.FrameHeaders:
		if length == 0 || payload[0] != statusOKField {
			return false, errors.New("the status of the response is not 200")
		}
	case kind == http2.FrameSettings && !flags.Has(http2.FlagSettingsAck):
		l.out = append(l.out, 0, 0, 0, byte(http2.FrameSettings), byte(http2.FlagSettingsAck), 0, 0, 0, 0)
	case kind == http2.FrameWindowUpdate && binary.BigEndian.Uint32(frame[streamOffset:]) == 0 && length == 4:
		l.window += int(binary.BigEndian.Uint32(payload))
	case kind == http2.FrameRSTStream, kind == http2.FrameGoAway:
		return false, fmt.Errorf("the server sent %s: %q", kind, payload)
	}
	_, err = io.CopyN(io.Discard, l.reader, int64(len(frame)))
	canEndStream := kind == http2.FrameHeaders || kind == http2.FrameData
	return canEndStream && flags.Has(http2.FlagDataEndStream), err
}
