package http2

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"

	"statsd-http-proxy/internal/exchange"
)

// headEncoder encodes the heads of responses with HPACK. It uses no dynamic table, so that
// any connection can use it, and idle ones need none.
type headEncoder struct {
	block   []byte // what was encoded
	encoder *hpack.Encoder

	// The last response that was encoded. The next one is often the same.
	last      headKey
	origin    []byte
	lastBlock []byte
}

// headKey is what the head of most responses depends on, besides the origin.
type headKey struct {
	second                     int64
	status                     int
	contentType, header, value string
	variesByOrigin             bool
	allowedMethods             string
}

// Write appends to the block.
func (e *headEncoder) Write(text []byte) (int, error) {
	e.block = append(e.block, text...)
	return len(text), nil
}

func (e *headEncoder) init() {
	e.encoder = hpack.NewEncoder(e)
	e.encoder.SetMaxDynamicTableSizeLimit(0)
	e.add(":status", "200") // the encoder begins with the size of its table, see begin
}

// begin begins a block. The first one of a connection says that there is no dynamic table
// (RFC 7541, section 6.3).
func (e *headEncoder) begin(isFirst bool) {
	const noTable = 0x20
	if e.block = e.block[:0]; isFirst {
		e.block = append(e.block, noTable)
	}
}

// add encodes a field. Its name is in lower case.
func (e *headEncoder) add(name, value string) {
	_ = e.encoder.WriteField(hpack.HeaderField{Name: name, Value: value}) // to memory
}

// encode encodes the head of a response with a body of size bytes, which may be left out.
func (e *headEncoder) encode(isFirst bool, r *exchange.Response, size int, dates *exchange.Dates, now time.Time) {
	key := headKey{
		now.Unix(), r.Status, r.ContentType, r.Header, r.Value,
		r.VariesByOrigin, r.AllowedMethods,
	}
	isKeyed := !isFirst && len(r.AllowedHeaders) == 0 && len(r.Fields) == 0
	e.begin(isFirst)
	if isKeyed && key == e.last && bytes.Equal(r.AllowedOrigin, e.origin) {
		e.block = append(e.block, e.lastBlock...)
	} else {
		e.encodeFields(r, dates.At(now))
		if e.last = (headKey{}); isKeyed {
			e.last = key
			e.origin = append(e.origin[:0], r.AllowedOrigin...)
			e.lastBlock = append(e.lastBlock[:0], e.block...)
		}
	}
	if size > 0 {
		e.add("content-length", strconv.Itoa(size))
	}
}

func (e *headEncoder) encodeFields(r *exchange.Response, date string) {
	e.add(":status", statusText(r.Status))
	e.add("date", date)
	r.WriteHeaders(func(name, value string) { e.add(lowerName(name), value) })
	if len(r.AllowedOrigin) > 0 {
		e.add("access-control-allow-origin", string(r.AllowedOrigin))
	}
	if len(r.AllowedHeaders) > 0 {
		e.add("access-control-allow-headers", string(r.AllowedHeaders))
	}
}

// statusText returns a status code as text.
func statusText(status int) string {
	if status == http.StatusOK {
		return "200"
	}
	return strconv.Itoa(status)
}

// lowerNames holds the names of response fields in lower case.
var lowerNames = func() map[string]string {
	names := make(map[string]string)
	for _, name := range []string{
		"X-Content-Type-Options", "Content-Type", "Vary", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers",
		"Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age", "Retry-After",
	} {
		names[name] = strings.ToLower(name)
	}
	return names
}()

// lowerName returns the name of a field in lower case (RFC 9113, section 8.2.1).
func lowerName(name string) string {
	if lower, ok := lowerNames[name]; ok {
		return lower
	}
	return strings.ToLower(name)
}
