package ingest

import (
	"errors"
	"log/slog"
	"net/http"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/logsum"
	"statsd-http-proxy/internal/metric"
)

// cause is why a request or an entry is rejected, as the log tells causes apart.
type cause uint8

const (
	causeUnknown cause = iota // the status of the response decides
	causeInvalid
	causeNoToken
	causeToken
	causeOrigin
	causeMetric
	causeRoute
	causeMethod
	causeType
	causeSlow
	causeHead
	causeBody
	causeLine
	causeBurst
	causeRate
	causeSeries
	causeTagKeys
	causeQueueFull
	causeQueueSize
	causeStopping
	causeServer
	numCauses
)

// causes are the texts of the log, and the options that set the limits.
var causes = [numCauses]struct{ reason, option string }{
	causeInvalid:   {reason: "invalid request or metric"},
	causeNoToken:   {reason: "token missing"},
	causeToken:     {reason: "bad token"},
	causeOrigin:    {"origin not allowed", "--cors-origins"},
	causeMetric:    {reason: "metric not allowed"},
	causeRoute:     {reason: "no such route"},
	causeMethod:    {reason: "method not allowed"},
	causeType:      {reason: "content type not supported"},
	causeSlow:      {"client too slow", "--http-timeout-read"},
	causeHead:      {reason: "headers too large"},
	causeBody:      {"body too large", "--http-max-body"},
	causeLine:      {reason: "line too long"},
	causeBurst:     {"more than a client may send at once", "--rate-burst"},
	causeRate:      {"rate limit", "--rate-limit"},
	causeSeries:    {"too many series", "--max-series"},
	causeTagKeys:   {"too many tag keys", "--max-tag-keys"},
	causeQueueFull: {"send queue full", "--statsd-buffer"},
	causeQueueSize: {"batch larger than the send queue", "--statsd-buffer"},
	causeStopping:  {reason: "the proxy stops"},
	causeServer:    {reason: "error of the proxy"},
}

// causesOfStatus are the causes of errors whose status is enough to tell.
var causesOfStatus = map[int]cause{
	http.StatusUnauthorized:                causeNoToken,
	http.StatusForbidden:                   causeToken,
	http.StatusNotFound:                    causeRoute,
	http.StatusMethodNotAllowed:            causeMethod,
	http.StatusRequestTimeout:              causeSlow,
	http.StatusRequestEntityTooLarge:       causeBody,
	http.StatusRequestURITooLong:           causeHead,
	http.StatusRequestHeaderFieldsTooLarge: causeHead,
	http.StatusUnsupportedMediaType:        causeType,
	http.StatusTooManyRequests:             causeRate,
	http.StatusServiceUnavailable:          causeStopping,
	http.StatusInternalServerError:         causeServer,
}

// causeOf returns the cause of a rejected request.
func (h *Handler) causeOf(a *admission, herr *exchange.HTTPError) cause {
	c := a.cause
	if c == causeUnknown {
		c = causesOfStatus[herr.Status]
	}
	switch {
	case c == causeUnknown:
		return causeInvalid
	case c == causeBody && a.isLimited && a.maxBody < h.options.MaxBody:
		return causeBurst // which also bounds the body
	default:
		return c
	}
}

// causeOfEntry returns the cause of a rejected entry.
func causeOfEntry(err error) cause {
	for ; err != nil; err = errors.Unwrap(err) {
		switch err.(type) {
		case *metric.ForbiddenError:
			return causeMetric
		case *metric.LengthError:
			return causeLine
		case *seriesLimitError:
			return causeSeries
		case *tagKeysError:
			return causeTagKeys
		}
	}
	return causeInvalid
}

// kind returns the kind of the log's lines about c. what is rejected is requests or
// entries. Limits that an operator can change cause warnings.
func (a *admission) kind(c cause, what string) logsum.Kind {
	k := logsum.Kind{Level: slog.LevelInfo, Message: what + " rejected", Reason: causes[c].reason, Option: causes[c].option}
	if k.Option != "" && c != causeOrigin && c != causeSlow {
		k.Level = slog.LevelWarn
	}
	if claim := a.claimOf(c); claim != "" {
		k.Option = "claim " + claim
	}
	return k
}

// claimOf returns the claim of the token that sets the limit of c in place of the option,
// or "".
func (a *admission) claimOf(c cause) string {
	switch {
	case a.grant == nil:
		return ""
	case c == causeRate && a.grant.Rate > 0:
		return "rate"
	case c == causeBurst && a.grant.Burst > 0:
		return "burst"
	case c == causeSeries && a.grant.MaxSeries > 0:
		return "max_series"
	default:
		return ""
	}
}
