package ingest

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/quote"
)

// decompressor undoes one content coding (RFC 9110, section 8.4.1).
type decompressor struct {
	name, alias []byte
	readers     sync.Pool // of io.Reader
	open        func(body io.Reader) (io.Reader, error)
	reopen      func(r io.Reader, body io.Reader) error
}

var decompressors = []*decompressor{{
	name:   []byte("gzip"),
	alias:  []byte("x-gzip"),
	open:   func(body io.Reader) (io.Reader, error) { return gzip.NewReader(body) },
	reopen: func(r, body io.Reader) error { return r.(*gzip.Reader).Reset(body) },
}, {
	name:   []byte("deflate"), // in the zlib format
	open:   func(body io.Reader) (io.Reader, error) { return zlib.NewReader(body) },
	reopen: func(r, body io.Reader) error { return r.(zlib.Resetter).Reset(body, nil) },
}}

// findDecompressor returns the decompressor for the value of a Content-Encoding field,
// nil for a body that is not compressed.
func findDecompressor(value []byte) (*decompressor, *exchange.HTTPError) {
	if len(value) == 0 || bytes.EqualFold(value, []byte("identity")) {
		return nil, nil
	}
	for _, d := range decompressors {
		if bytes.EqualFold(value, d.name) || bytes.EqualFold(value, d.alias) {
			return d, nil
		}
	}
	return nil, exchange.NewError(http.StatusUnsupportedMediaType,
		"content encoding "+quote.Bytes(value)+" is not supported; gzip and deflate are")
}

// A body that unpacks to more than unboundedBytes may unpack to maxRatio times its size.
// Ordinary text unpacks to 5 to 20 times its size.
const (
	unboundedBytes = 64 << 10
	maxRatio       = 64
)

// largePacked is the size in bytes above which a packed body is a large one, whatever it
// unpacks to: a block of deflate can take more time than its contents.
const largePacked = 4 << 10

// decompress unpacks body into s.body.
func (h *Handler) decompress(s *scratch, body []byte, a *admission) ([]byte, *exchange.HTTPError) {
	if len(body) > largePacked {
		h.acquireLargeBody(s)
	}
	d := a.decompressor
	reader, err := d.reader(&packedBody{rest: body})
	if err != nil {
		return nil, d.errInvalid(err)
	}
	defer d.readers.Put(reader)
	s.body = s.body[:0]
	maxByRatio := max(unboundedBytes, maxRatio*len(body))
	limit := min(a.maxBody, maxByRatio)
	for {
		if len(s.body) == cap(s.body) {
			s.body = append(s.body, 0)[:len(s.body)]
		}
		n, err := reader.Read(s.body[len(s.body):min(cap(s.body), limit+1)])
		s.body = s.body[:len(s.body)+n]
		switch {
		case len(s.body) > limit && limit < a.maxBody:
			return nil, exchange.NewError(http.StatusRequestEntityTooLarge,
				fmt.Sprintf("the body unpacks to more than %d times its size", maxRatio))
		case len(s.body) > limit:
			return nil, exchange.BodyTooLarge(limit)
		case err != nil && err != io.EOF:
			return nil, d.errInvalid(err)
		}
		if herr := h.chargeUnpacked(a, len(s.body)); herr != nil {
			return nil, herr
		}
		if err == io.EOF {
			return s.body, nil
		}
		if len(s.body) > largeBody {
			h.acquireLargeBody(s)
		}
	}
}

// errInvalid returns the response for a body that is not in the format of d.
func (d *decompressor) errInvalid(err error) *exchange.HTTPError {
	return exchange.NewError(http.StatusBadRequest, fmt.Sprintf("the body is not valid %s: %s", d.name, quote.Cut(err.Error())))
}

// reader returns a reader of the unpacked body. It reuses a reader if it can.
func (d *decompressor) reader(body *packedBody) (io.Reader, error) {
	if used, ok := d.readers.Get().(io.Reader); ok {
		return used, d.reopen(used, body)
	}
	return d.open(body)
}

// packedBody is the io.Reader and io.ByteReader of a packed body. It lets other
// goroutines run after each yieldBytes: a reader of deflate may read all of a body before
// it returns.
type packedBody struct {
	rest  []byte
	count int // bytes since the last yield
}

const yieldBytes = 4 << 10

func (b *packedBody) Read(dst []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(dst, b.rest)
	b.advance(n)
	return n, nil
}

func (b *packedBody) ReadByte() (byte, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	first := b.rest[0]
	b.advance(1)
	return first, nil
}

func (b *packedBody) advance(n int) {
	b.rest = b.rest[n:]
	if b.count += n; b.count >= yieldBytes {
		b.count = 0
		runtime.Gosched()
	}
}
