package server

import (
	"net/http"
	"net/netip"

	"statsd-http-proxy/internal/quote"

	"github.com/go-json-experiment/json/jsontext"
)

// refusal is the answer to a request that is not served.
type refusal struct {
	status        int
	message       string // one sentence that repeats at most 64 bytes of input
	header, value string // one more header, none where header is empty
}

func refuse(status int, message string) *refusal {
	return &refusal{status: status, message: message}
}

func refuseMethod(r *route, method []byte) *refusal {
	no := refuse(http.StatusMethodNotAllowed,
		"method "+quote.Bytes(method)+" is not allowed here; allowed: "+r.methods)
	no.header, no.value = "Allow", r.methods
	return no
}

func refuseBusy(why string) *refusal {
	no := refuse(http.StatusServiceUnavailable, why)
	no.header, no.value = "Retry-After", "1"
	return no
}

// refuseHead answers a request of peer whose head is not as it has to be. To
// which origin it would answer is not known.
func (s *Server) refuseHead(w *work, peer netip.Addr, no *refusal) {
	w.request.reset()
	w.request.peer = peer
	w.response.reset()
	s.refuse(w, no)
}

// refuse answers a request with no, and logs that.
func (s *Server) refuse(w *work, no *refusal) {
	r := &w.response
	r.status, r.contentType = no.status, "application/json"
	r.header, r.value = no.header, no.value
	r.body = append(r.body[:0], `{"error":`...)
	r.body, _ = jsontext.AppendQuote(r.body, no.message) // an error only tells of bad UTF-8, which is mended
	r.body = append(r.body, '}')
	if s.debug && s.refusals.allow() {
		q := &w.request
		s.log.Debug("refused", "status", no.status, "error", no.message,
			"method", quote.Cut(string(q.method)), "path", quote.Cut(string(q.path())), "client", s.clientAddress(q))
	}
}
