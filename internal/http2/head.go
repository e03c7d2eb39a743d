package http2

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"statsd-http-proxy/internal/exchange"
)

// readHead copies the head of r into the request. A head may be as large as over
// HTTP/1; its size is that of the same head in HTTP/1.1.
func (st *stream) readHead(r *http.Request) *exchange.HTTPError {
	x, q := st.Exchange, &st.Request
	if herr := checkPseudoHeaders(x, r); herr != nil {
		return herr
	}
	const version = len("  HTTP/1.1\r\n")
	room := exchange.MaxHead - len(r.Method) - len(r.RequestURI) - version - len("Host: \r\n\r\n") - len(r.Host)
	if room < 0 {
		return exchange.TargetTooLong
	}
	head := append(x.HeadBuffer[:0], r.Method...)
	q.Method = exchange.Span{Start: 0, End: uint16(len(head))}
	head = append(head, r.RequestURI...)
	q.Target = exchange.Span{Start: q.Method.End, End: uint16(len(head))}
	if !exchange.IsHost(r.Host) {
		return exchange.BadHost
	}
	var counts exchange.FieldCounts
	for name, values := range r.Header {
		for _, value := range values {
			if room -= len(name) + len(": ") + len(value) + len("\r\n"); room < 0 {
				return exchange.HeadTooLong
			}
			nameStart := len(head)
			head = append(head, name...)
			valueStart := len(head)
			head = append(head, value...)
			trimmed := bytes.TrimLeft(head[valueStart:], " \t")
			valueStart = len(head) - len(trimmed)
			trimmed = bytes.TrimRight(trimmed, " \t")
			if herr := q.SetField(head[nameStart:nameStart+len(name)], trimmed, valueStart, &counts); herr != nil {
				return herr
			}
		}
	}
	x.HeadBuffer, q.Head = head, head
	if counts.Lengths > 1 {
		return exchange.BadLength
	}
	q.BodyLength = st.body.length
	return nil
}

var badTarget = exchange.Malformed("its :path is not the path of a URL")

// checkPseudoHeaders checks what net/http does not check in :authority and :path (RFC
// 9113, section 8.3.1). The authority may be absent. It overwrites x.HeadBuffer.
func checkPseudoHeaders(x *exchange.Exchange, r *http.Request) *exchange.HTTPError {
	x.HeadBuffer = append(x.HeadBuffer[:0], r.Host...)
	if r.Host != "" && !exchange.IsAuthority(x.HeadBuffer) {
		return exchange.BadHost
	}
	if strings.HasPrefix(r.RequestURI, "/") {
		return nil
	}
	if r.RequestURI == "" || !exchange.IsTarget([]byte(r.Method), []byte(r.RequestURI)) {
		return badTarget
	}
	return nil
}

// writeResponse writes the response.
func (st *stream) writeResponse(out http.ResponseWriter, r *http.Request) {
	response := &st.Response
	header := out.Header()
	used := 0
	// set keeps the values in st, because net/http copies them anyway.
	set := func(name, value string) {
		st.values[used] = value
		header[name] = st.values[used : used+1 : used+1]
		used++
	}
	set("Date", st.server.options.Dates.At(time.Now()))
	response.WriteHeaders(func(name, value string) { set(http.CanonicalHeaderKey(name), value) })
	if origin := response.AllowedOrigin; len(origin) > 0 {
		const name = "Access-Control-Allow-Origin"
		if sent := r.Header["Origin"]; len(sent) == 1 && sent[0] == string(origin) {
			set(name, sent[0])
		} else {
			set(name, string(origin))
		}
	}
	if len(response.AllowedHeaders) > 0 {
		set("Access-Control-Allow-Headers", string(response.AllowedHeaders))
	}
	if len(response.Body) > 0 {
		set("Content-Length", strconv.Itoa(len(response.Body)))
	}
	if st.server.options.Draining.Load() {
		set("Connection", "close") // net/http sends GOAWAY for it
	}
	st.stats.CountRequest(st.Route, response.Status, st.body.received)
	out.WriteHeader(response.Status)
	_, _ = out.Write(response.Body) // an error means that the client is gone
}
