package ingest

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sync"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/quote"
)

// textTypes are the content types for which the body itself shows its format.
var textTypes = [][]byte{
	[]byte("application/json"),
	[]byte("text/plain"),
	[]byte("application/x-www-form-urlencoded"),
	{}, // no content type
}

// checkType checks the value of a Content-Type field. boundary is that of a multipart
// form, empty for other types. A batch cannot be a multipart form.
func checkType(value []byte, isBatch bool) (boundary string, herr *exchange.HTTPError) {
	mediaType, _, _ := bytes.Cut(value, []byte{';'})
	mediaType = bytes.TrimSpace(mediaType)
	for _, known := range textTypes {
		if bytes.EqualFold(mediaType, known) {
			return "", nil
		}
	}
	if isBatch || !bytes.EqualFold(mediaType, []byte("multipart/form-data")) {
		return "", exchange.NewError(http.StatusUnsupportedMediaType,
			"content type "+quote.Bytes(mediaType)+" is not supported here")
	}
	_, params, err := mime.ParseMediaType(string(value))
	if err != nil || params["boundary"] == "" {
		return "", exchange.NewError(http.StatusBadRequest, "the content type multipart/form-data has no boundary")
	}
	return params["boundary"], nil
}

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

// decompress unpacks body into s.body, up to Options.MaxBody bytes.
func (h *Handler) decompress(s *scratch, body []byte, d *decompressor) ([]byte, *exchange.HTTPError) {
	reader, err := d.reader(body)
	if err == nil {
		s.body, err = appendFrom(s.body[:0], reader, h.options.MaxBody)
		d.readers.Put(reader)
	}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, exchange.BodyTooLarge(h.options.MaxBody)
	case err != nil:
		return nil, exchange.NewError(http.StatusBadRequest, fmt.Sprintf("the body is no valid %s: %s", d.name, quote.Cut(err.Error())))
	}
	return s.body, nil
}

// reader returns a reader of the unpacked body. It reuses a reader if it can.
func (d *decompressor) reader(body []byte) (io.Reader, error) {
	source := bytes.NewReader(body)
	if used, ok := d.readers.Get().(io.Reader); ok {
		return used, d.reopen(used, source)
	}
	return d.open(source)
}

var errTooLarge = errors.New("too large")

// appendFrom appends all of reader to dst. It returns errTooLarge after limit bytes.
func appendFrom(dst []byte, reader io.Reader, limit int) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := reader.Read(dst[len(dst):min(cap(dst), limit+1)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst, errTooLarge
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}
