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
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"runtime"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/loglimit"
	"statsd-http-proxy/internal/logsum"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/top"
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
	RateLimit      float64              // metrics a second of a client; 0 for no limit
	RateBurst      int                  // metrics of a client at once; 0 for those of ten seconds
	Series         *limit.Series        // nil for no limit
	TagKeys        *limit.TagKeys       // nil for no limit

	// ServesClient makes the handler serve the files of package browserclient.
	ServesClient bool

	// Pages answers GET and HEAD requests for targets that are no routes; nil for
	// 404. See exchange.Response.Page.
	Pages http.Handler

	Top *top.Top // learns about metrics and rejections; nil for none

	Encoder *metric.Encoder
	Sink    Sink
	Logger  *slog.Logger
}

// Handler is the exchange.Handler of the proxy. It is safe for concurrent use.
type Handler struct {
	options      Options
	log          *slog.Logger
	isVerbose    bool                // lines and rejections are logged
	rate         limit.Rate          // of a client without claims; invalid without Options.RateLimit
	rates        *limit.Rates        // nil if no client can have a rate
	clientSeries *limit.ClientSeries // for the claim max_series; nil without tokens

	stats stats

	summary                    *logsum.Summary   // of rejections
	rejectionLog, forwardedLog *loglimit.Limiter // if isVerbose

	// largeBodies holds a value for each large body that is worked on. Its capacity
	// bounds the memory and the processor time that they take: it leaves one
	// processor to other requests, unless there is one only.
	largeBodies chan struct{}
}

// largeBody is the size in bytes above which a body counts among largeBodies, packed or
// unpacked.
const largeBody = 16 << 10

// New returns a Handler with the given options.
func New(options Options) *Handler {
	h := &Handler{
		options:      options,
		log:          options.Logger,
		isVerbose:    options.Logger.Enabled(context.Background(), slog.LevelDebug),
		summary:      logsum.New(options.Logger),
		rejectionLog: loglimit.New(options.Logger, "rejections", rejectionsPerSecond, rejectionsBurst),
		forwardedLog: loglimit.New(options.Logger, "forwarded lines", forwardedPerSecond, forwardedBurst),
		largeBodies:  make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)),
	}
	if options.RateLimit > 0 {
		h.rate = limit.NewRate(options.RateLimit, options.RateBurst)
	}
	if options.Verifier != nil {
		h.clientSeries = limit.NewClientSeries()
	}
	if options.RateLimit > 0 || options.Verifier != nil { // a token can have a rate
		h.rates = limit.NewRates(limit.DefaultClients)
	}
	return h
}

// admission holds the findings of Begin that Serve needs. Exchange.Local points to it. Its
// slices are parts of the request's head.
type admission struct {
	route        route
	grant        *auth.Grant  // of the token; nil if none is needed
	maxBody      int          // bytes, packed and unpacked
	client       limit.Client // if isLimited, or if the grant limits the series
	limitsSeries bool         // Options.Series or the grant limits the series
	rate         limit.Rate   // of client
	isLimited    bool         // client has a rate
	charges      charges
	boundary     string        // of a multipart form; empty for other bodies
	decompressor *decompressor // nil for a body that is not compressed
	cause        cause         // of a rejection; causeUnknown if its status is enough to tell

	request      *exchange.Request
	forwardedFor [][]byte // memory for clientAddress
	skip         int64    // for Options.Top; stays from request to request
}

// scope returns the metrics that the request may write, nil for all.
func (a *admission) scope() *metric.Scope {
	if a.grant == nil {
		return nil
	}
	return &a.grant.Scope
}

// hasMaxSeries reports whether the token of the request limits the series of its client.
func (a *admission) hasMaxSeries() bool { return a.grant != nil && a.grant.MaxSeries > 0 }

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
	*a = admission{forwardedFor: a.forwardedFor, skip: a.skip, request: &x.Request}
	h.setOrigin(x)
	if x.HeadErr != nil {
		h.reject(x, x.HeadErr)
		return false
	}
	wantsBody, herr := h.admit(x, a)
	if herr != nil {
		h.adjustCharge(a)
		h.stats.countRejected(x.Route, herr)
		h.reject(x, herr)
	}
	x.MaxBody = a.maxBody
	return wantsBody
}

// Serve implements exchange.Handler.
func (h *Handler) Serve(x *exchange.Exchange) {
	a := admissionOf(x)
	a.charges.bytes = x.BodyReceived
	herr := x.BodyErr
	if herr != nil {
		h.stats.countRejected(x.Route, herr)
	} else {
		herr = h.serveBody(x, a)
	}
	h.adjustCharge(a)
	if herr != nil {
		h.reject(x, herr)
	}
}

// serveBody handles the body of an admitted request.
func (h *Handler) serveBody(x *exchange.Exchange, a *admission) *exchange.HTTPError {
	s := acquireScratch()
	defer s.release()
	defer h.releaseLargeBody(s)
	if herr := h.openBody(x.Body, s, a); herr != nil {
		h.stats.countRejected(x.Route, herr)
		return herr
	}
	defer h.stats.add(s)
	if herr := h.encodeAll(s, a); herr != nil {
		h.forgetNew(s, a)
		return herr
	}
	h.confirmTagKeys(s)
	if a.route.isBatch {
		h.writeBatchResult(x, s)
	}
	return nil
}

// openBody unpacks the body of an admitted request and starts reading its entries.
func (h *Handler) openBody(body []byte, s *scratch, a *admission) *exchange.HTTPError {
	if len(body) > largeBody {
		h.acquireLargeBody(s)
	}
	if a.decompressor != nil {
		var herr *exchange.HTTPError
		if body, herr = h.decompress(s, body, a); herr != nil {
			return herr
		}
	}
	if a.decompressor == nil && bytes.HasPrefix(body, []byte("\x1f\x8b")) {
		return exchange.NewError(http.StatusBadRequest, "the body is compressed: it needs the header Content-Encoding: gzip")
	}
	if err := s.open(a, body); err != nil {
		return exchange.NewError(http.StatusBadRequest, err.Error())
	}
	return nil
}

// acquireLargeBody waits until few enough large bodies are worked on, and counts the body
// of s among them. The caller must call releaseLargeBody afterwards.
func (h *Handler) acquireLargeBody(s *scratch) {
	if !s.countsAsLarge {
		h.largeBodies <- struct{}{}
		s.countsAsLarge = true
	}
}

// releaseLargeBody lets another large body be worked on if the one of s counts as large.
func (h *Handler) releaseLargeBody(s *scratch) {
	if s.countsAsLarge {
		<-h.largeBodies
		s.countsAsLarge = false
	}
}
