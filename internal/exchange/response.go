package exchange

import (
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Response is the answer to a request, in either version of HTTP. The transport
// adds the date, the length of the body and the header fields of the connection.
type Response struct {
	Status      int
	ContentType string // empty for none
	Body        []byte // owned by the Response; append to it

	VariesByOrigin bool   // it depends on the origin of the request
	AllowedOrigin  []byte // of the page that may read it, empty for none
	AllowedMethods string // of the route, for a preflight; empty for other requests
	AllowedHeaders []byte // of header fields, for a preflight; empty for DefaultHeaders

	Header, Value string  // one more header field; none if Header is empty
	Fields        []Field // more header fields, with other names

	Delay time.Duration // the transport waits for it before it sends the response

	// Page writes the response instead of the fields above; nil for other responses.
	// It may stream for any time. The context of its request ends when
	// the server shuts down or the client is gone. Over HTTP/1 the request has no
	// header fields, and the connection closes afterwards.
	Page    http.Handler
	PageURL *url.URL // the target of the request
}

// Field is a header field.
type Field struct{ Name, Value string }

// reset makes r an empty 200. It keeps the memory of Body.
func (r *Response) reset() {
	*r = Response{Status: http.StatusOK, Body: r.Body[:0]}
}

// DefaultHeaders are the header fields that a preflight allows if it does not list
// the requested ones, see https://fetch.spec.whatwg.org/#http-cors-protocol.
const DefaultHeaders = "X-JWT-Token, Authorization, Content-Type, Content-Encoding, X-Requested-With"

const corsMaxAge = "86400" // seconds; browsers cap it at two hours and more

// WriteHeaders calls add with the name and the value of each header field. It
// leaves out the fields that the transport adds, and those whose values would have to
// be copied into a string: Access-Control-Allow-Origin, and with AllowedHeaders
// Access-Control-Allow-Headers.
//
// It allows credentials because navigator.sendBeacon always asks with them. The
// proxy reads no cookies, so a page gains nothing by them.
func (r *Response) WriteHeaders(add func(name, value string)) {
	add("X-Content-Type-Options", "nosniff")
	if r.ContentType != "" {
		add("Content-Type", r.ContentType)
	}
	if r.VariesByOrigin {
		add("Vary", "Origin")
	}
	if len(r.AllowedOrigin) > 0 {
		add("Access-Control-Allow-Credentials", "true")
		add("Access-Control-Expose-Headers", "Retry-After")
	}
	if r.AllowedMethods != "" {
		add("Access-Control-Allow-Methods", r.AllowedMethods)
		if len(r.AllowedHeaders) == 0 {
			add("Access-Control-Allow-Headers", DefaultHeaders)
		}
		add("Access-Control-Max-Age", corsMaxAge)
	}
	if r.Header != "" {
		add(r.Header, r.Value)
	}
	for i := range r.Fields {
		add(r.Fields[i].Name, r.Fields[i].Value)
	}
}

// SetError makes r the response for herr. It keeps what r says about origins.
//
//	{"error":"parameter \"value\" is missing"}
func (r *Response) SetError(herr *HTTPError) {
	r.Status, r.ContentType = herr.Status, "application/json"
	r.Header, r.Value, r.Delay = herr.Header, herr.Value, herr.Delay
	r.AllowedMethods, r.AllowedHeaders, r.Fields, r.Page, r.PageURL = "", nil, nil, nil, nil
	r.Body = append(r.Body[:0], `{"error":`...)
	// An error of AppendQuote only reports invalid UTF-8, which it replaces.
	r.Body, _ = jsontext.AppendQuote(r.Body, herr.Message)
	r.Body = append(r.Body, '}')
}
