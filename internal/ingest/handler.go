// Package ingest admits requests and turns their bodies into lines for a Sink: routes, CORS,
// tokens, limits, batches, responses. It knows no sockets and never waits for a client.
//
//	Begin   head ─▶ route, method, origin, token ─▶ rate, size, type ─▶ wants the body
//	Serve   body ─▶ unpack ─▶ [ decode ─▶ encode ─▶ limit series ] ─▶ send ─▶ response
//	                            for each entry
//
// A request with one metric is a batch of one entry. The checks have a fixed order, so
// that a request without a valid token learns nothing about its body.
package ingest

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"

	"golang.org/x/time/rate"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/loglimit"
	"statsd-http-proxy/internal/metric"
)

// Sink takes the lines of accepted metrics.
type Sink interface {
	// Send accepts lines, which are joined by line feeds, or returns an error and
	// accepts none. ends are the indexes after the last byte of each group of lines
	// that stay together. Send keeps neither slice after it returns.
	Send(lines []byte, ends []int) error
}

// Options are the settings of a Handler. MaxBody, Encoder, Sink and Logger are required.
type Options struct {
	MaxBody int // bytes, unpacked or not

	Origins  Origins        // whose pages may send; nil for all
	Verifier *auth.Verifier // nil accepts requests without a token

	TrustedProxies limit.TrustedProxies // whose X-Forwarded-For names the client
	Rates          *limit.Rates         // nil for no limit
	Series         *limit.Series        // nil for no limit

	// Pages answers GET and HEAD requests for targets that are no routes; nil for
	// 404. See exchange.Response.Page.
	Pages http.Handler

	Encoder *metric.Encoder
	Sink    Sink
	Logger  *slog.Logger
}

// Handler is the exchange.Handler of the proxy. It is safe for concurrent use.
type Handler struct {
	options   Options
	log       *slog.Logger
	isVerbose bool // each line and each rejection is logged

	rejectionLog                 *loglimit.Limiter
	rateLimitLog, seriesLimitLog rate.Sometimes // log that a limit is at work

	// largeBodies holds a value for each large or compressed body that is worked
	// on. Its capacity bounds the memory and the processor time that they take.
	largeBodies chan struct{}
}

// largeBody is the size in bytes above which a body counts among largeBodies.
const largeBody = 16 << 10

// New returns a Handler with the given options.
func New(options Options) *Handler {
	return &Handler{
		options:        options,
		log:            options.Logger,
		isVerbose:      options.Logger.Enabled(context.Background(), slog.LevelDebug),
		rejectionLog:   loglimit.New(options.Logger, rejectionsPerSecond, rejectionsBurst),
		rateLimitLog:   rate.Sometimes{Interval: limitInterval},
		seriesLimitLog: rate.Sometimes{Interval: limitInterval},
		largeBodies:    make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
}

// admission holds the findings of Begin that Serve needs. Exchange.Local points to it. Its
// slices are parts of the request's head.
type admission struct {
	route        route
	grant        *auth.Grant // of the token; nil if none is needed
	client       limit.Client
	boundary     string        // of a multipart form; empty for other bodies
	decompressor *decompressor // nil for a body that is not compressed

	forwardedFor [][]byte // memory for clientAddress
}

// scope returns the metrics that the request may write, nil for all.
func (a *admission) scope() *metric.Scope {
	if a.grant == nil {
		return nil
	}
	return &a.grant.Scope
}

// admissionOf returns the admission of x, empty in Begin.
func admissionOf(x *exchange.Exchange) *admission {
	a, ok := x.Local.(*admission)
	if !ok {
		a = new(admission)
		x.Local = a
	}
	return a
}

// Begin implements exchange.Handler.
func (h *Handler) Begin(x *exchange.Exchange) (wantsBody bool) {
	a := admissionOf(x)
	*a = admission{forwardedFor: a.forwardedFor}
	if x.HeadErr != nil {
		h.reject(x, x.HeadErr)
		return false
	}
	h.setOrigin(x)
	wantsBody, herr := h.admit(x, a)
	if herr != nil {
		h.reject(x, herr)
	}
	x.MaxBody = h.options.MaxBody
	return wantsBody
}

// Serve implements exchange.Handler.
func (h *Handler) Serve(x *exchange.Exchange) {
	herr := x.BodyErr
	if herr == nil {
		herr = h.serveBody(x, admissionOf(x))
	}
	if herr != nil {
		h.reject(x, herr)
	}
}

// serveBody handles the body of an admitted request.
func (h *Handler) serveBody(x *exchange.Exchange, a *admission) *exchange.HTTPError {
	body := x.Body
	if len(body) > largeBody || a.decompressor != nil {
		h.largeBodies <- struct{}{}
		defer func() { <-h.largeBodies }()
	}
	s := acquireScratch()
	defer s.release()
	if a.decompressor != nil {
		var herr *exchange.HTTPError
		if body, herr = h.decompress(s, body, a.decompressor); herr != nil {
			return herr
		}
	}
	s.open(a, body)
	if herr := h.encodeAll(s, a); herr != nil {
		h.forgetSeries(s)
		return herr
	}
	if a.route.isBatch {
		h.writeVerdicts(x, s)
	}
	return nil
}
