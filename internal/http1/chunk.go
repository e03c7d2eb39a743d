package http1

import (
	"bytes"
	"strconv"

	"statsd-http-proxy/internal/exchange"
)

var (
	badChunk      = exchange.Malformed("its chunks are broken")
	badTrailer    = exchange.Malformed("a trailer has no place there")
	extrasTooLong = exchange.Malformed("the extensions of its chunks and its trailers are larger than 8 KiB")
)

const (
	// maxExtras is how many bytes the extensions of all chunks and the trailers
	// may take together. The proxy uses none of them.
	maxExtras = 8 << 10

	// maxSizeDigits is how many digits the size of a chunk may have.
	maxSizeDigits = 8
)

// ChunkDecoder decodes the chunks of one body (RFC 9112, section 7.1), which may
// arrive in pieces:
//
//	7␍␊            chunkSize
//	value=1        chunkData
//	␍␊             chunkEnd
//	0␍␊            chunkSize
//	X-Trailer: y␍␊ chunkTrailer
//	␍␊             chunkTrailer, then chunkDone
//
// Make one with NewChunkDecoder.
type ChunkDecoder struct {
	state      chunkState
	maxBody    int // bytes of data
	total      int // bytes of data in all chunks that have begun
	chunkLeft  int // bytes of data in this chunk that have not been decoded
	extrasLeft int // bytes that further extensions and trailers may take
	scanned    int // bytes of the current line that have been searched for its end
}

// chunkState says what comes next in a body.
type chunkState uint8

const (
	chunkSize    chunkState = iota // the line with the size of a chunk
	chunkData                      // data
	chunkEnd                       // the CR LF after data
	chunkTrailer                   // a trailer, or the empty line at the end
	chunkDone                      // nothing
)

// NewChunkDecoder returns a decoder for a body of at most maxBody bytes of data.
func NewChunkDecoder(maxBody int) ChunkDecoder {
	return ChunkDecoder{maxBody: maxBody, extrasLeft: maxExtras}
}

// IsDone reports whether the body is complete.
func (d *ChunkDecoder) IsDone() bool { return d.state == chunkDone }

// Next decodes the next element at the beginning of received: a line, or the data of a
// chunk as far as it has arrived. It returns the number of bytes that it has decoded, and
// the data among them, which is a part of received. If used is 0, the caller must call
// Next again with the same bytes and further ones after them. An error is final. It is a
// 413 if the body is larger than the limit.
func (d *ChunkDecoder) Next(received []byte) (used int, data []byte, herr *exchange.HTTPError) {
	switch d.state {
	case chunkSize:
		return d.nextSize(received)
	case chunkData:
		data = received[:min(d.chunkLeft, len(received))]
		if d.chunkLeft -= len(data); d.chunkLeft == 0 {
			d.state = chunkEnd
		}
		return len(data), data, nil
	case chunkEnd:
		if len(received) < len("\r\n") {
			return 0, nil, nil
		}
		if received[0] != '\r' || received[1] != '\n' {
			return 0, nil, badChunk
		}
		d.state = chunkSize
		return len("\r\n"), nil, nil
	case chunkTrailer:
		return d.nextTrailer(received)
	}
	return 0, nil, nil
}

// nextSize reads the line before a chunk. It rejects a wrong first byte without
// waiting for the rest of the line.
func (d *ChunkDecoder) nextSize(received []byte) (used int, data []byte, herr *exchange.HTTPError) {
	if len(received) > 0 && !isHexDigit(received[0]) {
		return 0, nil, badChunk
	}
	line, used, herr := d.nextLine(received)
	if used == 0 {
		return 0, nil, herr
	}
	size, extension := parseChunkSize(line)
	switch {
	case size < 0 || hasControl(extension):
		return 0, nil, badChunk
	case size > d.maxBody-d.total:
		return 0, nil, exchange.BodyTooLarge(d.maxBody)
	case size > 0:
		d.state = chunkData
	default:
		d.state = chunkTrailer
	}
	d.extrasLeft -= len(extension)
	d.total += size
	d.chunkLeft = size
	return used, nil, nil
}

// nextTrailer reads a trailer or the empty line after the last one.
func (d *ChunkDecoder) nextTrailer(received []byte) (used int, data []byte, herr *exchange.HTTPError) {
	line, used, herr := d.nextLine(received)
	if used == 0 {
		return 0, nil, herr
	}
	if len(line) == 0 {
		d.state = chunkDone
		return used, nil, nil
	}
	d.extrasLeft -= len(line)
	if herr := checkTrailer(line); herr != nil {
		return 0, nil, herr
	}
	return used, nil, nil
}

// nextLine returns the line at the beginning of received without its CR LF, and its
// length with CR LF. used is 0 if the line is not complete. A line may have extrasLeft
// bytes, and in addition the digits of a size.
func (d *ChunkDecoder) nextLine(received []byte) (line []byte, used int, herr *exchange.HTTPError) {
	maxLine := d.extrasLeft + maxSizeDigits + len("\r")
	length := len(received)
	feed := bytes.IndexByte(received[d.scanned:], '\n')
	if feed >= 0 {
		length = d.scanned + feed
	}
	switch {
	case length > maxLine:
		return nil, 0, extrasTooLong
	case feed < 0:
		d.scanned = len(received)
		return nil, 0, nil
	case length == 0 || received[length-1] != '\r':
		return nil, 0, badLineEnd
	}
	d.scanned = 0
	return received[:length-1], length + 1, nil
}

// parseChunkSize parses the line before a chunk. size is -1 if the line is malformed.
//
//	1f;name=value
//	^^ ^^^^^^^^^^
//	size extension
func parseChunkSize(line []byte) (size int, extension []byte) {
	digits := 0
	for digits < len(line) && isHexDigit(line[digits]) {
		digits++
	}
	if digits > maxSizeDigits || digits < len(line) && line[digits] != ';' {
		return -1, nil
	}
	n, err := strconv.ParseUint(string(line[:digits]), 16, 31) // 31 bits fit any int
	if err != nil {
		return -1, nil
	}
	return int(n), line[digits:]
}

func isHexDigit(b byte) bool {
	return isDigit(b) || 'a' <= b|0x20 && b|0x20 <= 'f'
}

// checkTrailer rejects a trailer that is malformed, or that would change how the
// request is read if it came with the header fields (RFC 9110, section 6.5.1).
func checkTrailer(line []byte) *exchange.HTTPError {
	n := exchange.TokenLength(line)
	switch {
	case n == 0 || n == len(line) || line[n] != ':':
		return badName
	case hasControl(line[n:]):
		return badValue
	}
	for _, forbidden := range []string{"Content-Length", "Transfer-Encoding", "Host", "Expect", "Content-Encoding", "Content-Type"} {
		if bytes.EqualFold(line[:n], []byte(forbidden)) {
			return badTrailer
		}
	}
	return nil
}
