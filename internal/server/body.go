package server

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

	"statsd-http-proxy/internal/quote"
)

// textTypes are the content types whose body tells by itself what it is.
var textTypes = [][]byte{
	[]byte("application/json"),
	[]byte("text/plain"),
	[]byte("application/x-www-form-urlencoded"),
	{}, // none at all
}

// checkType refuses a request whose content type is not supported. boundary is
// that of a multipart form, empty where the body itself tells what it is.
func checkType(header []byte, r *route) (boundary string, no *refusal) {
	mediaType := header
	if i := bytes.IndexByte(header, ';'); i >= 0 {
		mediaType = header[:i]
	}
	mediaType = bytes.TrimSpace(mediaType)
	for _, known := range textTypes {
		if bytes.EqualFold(mediaType, known) {
			return "", nil
		}
	}
	if r.isBatch || !bytes.EqualFold(mediaType, []byte("multipart/form-data")) {
		return "", refuse(http.StatusUnsupportedMediaType,
			"content type "+quote.Bytes(mediaType)+" is not supported here")
	}
	_, params, err := mime.ParseMediaType(string(header))
	if err != nil || params["boundary"] == "" {
		return "", refuse(http.StatusBadRequest, "the content type multipart/form-data has no boundary")
	}
	return params["boundary"], nil
}

// findDecompressor returns what undoes the content encoding of a request, nil
// where it has none.
func findDecompressor(encoding []byte) (*decompressor, *refusal) {
	if len(encoding) == 0 || bytes.EqualFold(encoding, []byte("identity")) {
		return nil, nil
	}
	for _, d := range decompressors {
		if bytes.EqualFold(encoding, d.name) || bytes.EqualFold(encoding, d.alias) {
			return d, nil
		}
	}
	return nil, refuse(http.StatusUnsupportedMediaType,
		"content encoding "+quote.Bytes(encoding)+" is not supported; gzip and deflate are")
}

// decompressor undoes one content coding (RFC 9110, section 8.4.1).
type decompressor struct {
	name, alias []byte
	readers     sync.Pool
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

// decompress returns what body expands to, unless that is larger than a body
// may be. It never holds more than that in memory.
func (s *Server) decompress(w *work, body []byte, d *decompressor) ([]byte, *refusal) {
	reader, err := d.reader(body)
	if err == nil {
		w.body, err = readLimited(w.body[:0], reader, s.options.MaxBody)
		d.readers.Put(reader)
	}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, s.refuseBody()
	case err != nil:
		return nil, refuse(http.StatusBadRequest, fmt.Sprintf("the body is no valid %s: %s", d.name, quote.Cut(err.Error())))
	}
	return w.body, nil
}

// reader returns a reader of what body expands to, a used one if there is one.
func (d *decompressor) reader(body []byte) (io.Reader, error) {
	source := bytes.NewReader(body)
	if used, ok := d.readers.Get().(io.Reader); ok {
		return used, d.reopen(used, source)
	}
	return d.open(source)
}

var errTooLarge = errors.New("too large")

// readLimited appends what reader gives to dst, errTooLarge for more than
// limit bytes of it.
func readLimited(dst []byte, reader io.Reader, limit int) ([]byte, error) {
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

func (s *Server) refuseBody() *refusal {
	return refuse(http.StatusRequestEntityTooLarge,
		fmt.Sprintf("the body is larger than %d bytes", s.options.MaxBody))
}
