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
	causeBusy
	causeStopping
	causeServer
	numCauses
)

// causes holds for each cause the text of the log, the option that sets the limit, and the
// counter of the metrics that are rejected.
var causes = [numCauses]struct {
	reason, option string
	counter        Reason
}{
	causeInvalid:   {"invalid request or metric", "", ReasonInvalid},
	causeNoToken:   {"token missing", "", ReasonForbidden},
	causeToken:     {"bad token", "", ReasonForbidden},
	causeOrigin:    {"origin not allowed", "--cors-origins", ReasonForbidden},
	causeMetric:    {"metric not allowed", "", ReasonForbidden},
	causeRoute:     {"no such route", "", notCounted},
	causeMethod:    {"method not allowed", "", notCounted},
	causeType:      {"content type not supported", "", notCounted},
	causeSlow:      {"client too slow", "--http-timeout-read", ReasonInvalid},
	causeHead:      {"headers too large", "", ReasonInvalid},
	causeBody:      {"body too large", "--http-max-body", ReasonTooLarge},
	causeLine:      {"line too long", "", ReasonTooLarge},
	causeBurst:     {"more than a client may send at once", "--rate-burst", ReasonTooLarge},
	causeRate:      {"rate limit", "--rate-limit", ReasonRateLimit},
	causeSeries:    {"too many series", "--max-series", ReasonMaxSeries},
	causeTagKeys:   {"too many tag keys", "--max-tag-keys", ReasonMaxSeries},
	causeQueueFull: {"send queue full", "--statsd-buffer", ReasonQueueFull},
	causeQueueSize: {"batch larger than the send queue", "--statsd-buffer", ReasonTooLarge},
	causeBusy:      {"too many large requests", "", ReasonQueueFull},
	causeStopping:  {"the proxy stops", "", ReasonQueueFull},
	causeServer:    {"error of the proxy", "", notCounted},
}

// notCounted is the counter of rejections that do not depend on metrics.
const notCounted = numReasons

// causesOfStatus are the causes of all statuses but those of causeInvalid.
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
	http.StatusServiceUnavailable:          causeBusy,
	http.StatusInternalServerError:         causeServer,
}

// causeOf returns the cause of a rejected request.
func (h *Handler) causeOf(a *admission, herr *exchange.HTTPError) cause {
	c := a.cause
	if c == causeUnknown {
		c = causeOfStatus(herr.Status)
	}
	if c == causeBody && a.isLimited && a.maxBody < h.options.MaxBody {
		return causeBurst // which also bounds the body
	}
	return c
}

// causeOfStatus returns the cause of a response with an error, as far as its status tells.
func causeOfStatus(status int) cause {
	if c, ok := causesOfStatus[status]; ok {
		return c
	}
	return causeInvalid
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
