package ingest

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/metric"
)

// maxRejections is how many rejected entries the response to a batch lists.
const maxRejections = 20

// entryError returns the response to a request whose only entry is rejected.
func entryError(err error) *exchange.HTTPError {
	var forbidden *metric.ForbiddenError
	var series *seriesLimitError
	var keys *tagKeysError
	switch {
	case errors.As(err, &forbidden):
		return exchange.NewError(http.StatusForbidden, err.Error())
	case errors.As(err, &series):
		return exchange.Limited(err.Error(), seriesRetry)
	case errors.As(err, &keys):
		return exchange.Limited(err.Error(), tagKeysRetry)
	default:
		return exchange.NewError(http.StatusBadRequest, err.Error())
	}
}

// writeBatchResult makes the response to a batch:
//
//	{"accepted":9,"rejected":[{"index":3,"error":"…"}]}
func (h *Handler) writeBatchResult(x *exchange.Exchange, s *scratch) {
	if s.rejected > 0 {
		h.logEntries(x, s)
	}
	accepted := s.entries - s.rejected
	if accepted == 0 {
		x.Response.Status = http.StatusBadRequest
	}
	x.Response.ContentType = "application/json"
	body := append(x.Response.Body, `{"accepted":`...)
	body = strconv.AppendInt(body, int64(accepted), 10)
	body = append(body, `,"rejected":[`...)
	for i, r := range s.rejections {
		if i > 0 {
			body = append(body, ',')
		}
		message := r.message
		if s.entries == 1 && looksJoined(s.input) {
			message += "; if these were several lines, curl needs --data-binary to keep their line feeds"
		}
		body = append(body, `{"index":`...)
		body = strconv.AppendInt(body, int64(r.index), 10)
		body = append(body, `,"error":`...)
		// An error of AppendQuote only reports invalid UTF-8, which it replaces.
		body, _ = jsontext.AppendQuote(body, message)
		body = append(body, '}')
		if h.isVerbose && h.rejectionLog.Allow() {
			h.log.Debug("entry rejected", "index", r.index, "error", message, "client", h.clientAddress(&x.Request, admissionOf(x)))
		}
	}
	x.Response.Body = append(body, "]}"...)
}

// looksJoined reports whether a batch may have been several StatsD lines whose line feeds
// are lost, as curl -d sends them:
//
//	a:1|cb:2|c
//	 ^^^  ^^^
func looksJoined(batch []byte) bool {
	if len(batch) == 0 || batch[0] == '{' || batch[0] == '[' || bytes.IndexByte(batch, '\n') >= 0 {
		return false
	}
	values := 0
	for rest := batch; values < 2; {
		_, after, ok := bytes.Cut(rest, []byte{':'})
		if !ok {
			return false
		}
		rest = after
		pipe := bytes.IndexByte(rest, '|')
		if pipe > 0 && pipe+1 < len(rest) && bytes.IndexByte([]byte("cgmshd"), rest[pipe+1]) >= 0 && bytes.IndexByte(rest[:pipe], ':') < 0 {
			values++
		}
	}
	return true
}
