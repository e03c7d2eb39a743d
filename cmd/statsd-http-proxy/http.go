package main

import (
	"fmt"
	"strings"

	"statsd-http-proxy/internal/acme"
	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/transport"
)

// httpOptions are the settings of the parts that serve HTTP.
type httpOptions struct {
	transport transport.Options
	ingest    ingest.Options
}

// newHTTPOptions returns the settings that follow from the options alone. Its
// error begins with the flag of an option.
func newHTTPOptions(c *config.Config) (o httpOptions, err error) {
	o.transport = transport.Options{
		ReadTimeout:  c.HTTPTimeoutRead,
		WriteTimeout: c.HTTPTimeoutWrite,
		IdleTimeout:  c.HTTPTimeoutIdle,
		MaxBody:      c.HTTPMaxBody,

		HandshakeTimeout: c.TLSTimeoutHandshake,
	}
	o.ingest.MaxBody, o.ingest.ServesClient = c.HTTPMaxBody, c.ServeClient
	if o.ingest.Encoder, err = newEncoder(c); err != nil {
		return o, fmt.Errorf("--%w", err)
	}
	if o.ingest.Origins, err = ingest.ParseOrigins(strings.Join(c.CORSOrigins, ",")); err != nil {
		return o, fmt.Errorf("--cors-origins: %w", err)
	}
	if o.ingest.TrustedProxies, err = limit.ParseTrustedProxies(strings.Join(c.TrustedProxies, ",")); err != nil {
		return o, fmt.Errorf("--trusted-proxies: %w", err)
	}
	if c.ProxyProtocol {
		o.transport.ProxyProtocol = o.ingest.TrustedProxies
	}
	if c.JWTJWKSURL != "" {
		if err := auth.CheckURL(c.JWTJWKSURL); err != nil {
			return o, fmt.Errorf("--jwt-jwks-url: %w", err)
		}
	}
	maxConns := c.MaxConns
	if maxConns == config.AutoMaxConns {
		maxConns = limit.DefaultMaxConns()
	}
	if maxConns > 0 || c.MaxConnsPerIP > 0 {
		o.transport.Conns = limit.NewConns(maxConns, c.MaxConnsPerIP, o.ingest.TrustedProxies)
	}
	o.ingest.RateLimit, o.ingest.RateBurst = c.RateLimit, c.RateBurst
	if c.MaxTagKeys > 0 {
		o.ingest.TagKeys = limit.NewTagKeys(c.MaxTagKeys)
	}
	if c.MaxSeries > 0 {
		o.ingest.Series = limit.NewSeries(c.MaxSeries)
	}
	return o, nil
}

// newEncoder returns the encoder of metrics. Its error begins with the name of an
// option.
func newEncoder(c *config.Config) (*metric.Encoder, error) {
	o := metric.Options{
		Prefix:     c.MetricPrefix,
		MaxLine:    datagramBytes(c),
		IsStream:   c.IsStream(),
		TagFormat:  c.TagFormat,
		NameFormat: c.NameFormat,
		Lowercase:  c.Lowercase,
		Histograms: c.Histograms,
	}
	var err error
	if o.Flavor, err = metric.ParseFlavor(c.StatsDFlavor); err != nil {
		return nil, fmt.Errorf("statsd-flavor: %w", err)
	}
	if o.Tags, err = decode.Tags([]byte(strings.Join(c.Tags, ","))); err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	for _, list := range []struct {
		option   string
		texts    []string
		patterns *metric.Patterns
	}{
		{"allow-metrics", c.AllowMetrics, &o.Metrics},
		{"deny-metrics", c.DenyMetrics, &o.DenyMetrics},
		{"allow-tags", c.AllowTags, &o.AllowTags},
	} {
		if list.texts == nil {
			continue
		}
		if *list.patterns, err = metric.ParsePatterns(list.texts); err != nil {
			return nil, fmt.Errorf("%s: %w", list.option, err)
		}
	}
	return metric.NewEncoder(o)
}

// newServer makes the server and its handler.
func (a *app) newServer() error {
	o := a.httpOptions
	o.ingest.Logger, o.transport.Logger = a.log, a.log
	o.ingest.Sink = a.sender
	o.ingest.Verifier = a.verifier
	o.ingest.Top = a.top
	if a.demo != nil {
		o.ingest.Pages = a.demo.Handler(a.verifyToken())
	}
	a.handler = ingest.New(o.ingest)
	o.transport.Handler = a.handler
	switch {
	case a.certificate != nil:
		o.transport.GetCertificate = a.certificate.get
	case a.acme != nil:
		o.transport.GetCertificate, o.transport.ChallengeProtocol = a.acme.GetCertificate, acme.Protocol
	}
	a.server = transport.New(o.transport)
	if a.tickets != nil {
		a.server.SetTicketKeys(a.tickets.loaded)
	}
	return nil
}

// serve serves the listener in a goroutine.
func (a *app) serve() error {
	a.failed = make(chan error, 1)
	go func() { a.failed <- a.server.Serve(a.listener) }()
	return nil
}

// verifyToken returns a function that verifies tokens, or nil if none are needed.
func (a *app) verifyToken() func(token []byte) error {
	if a.verifier == nil {
		return nil
	}
	return func(token []byte) error {
		_, err := a.verifier.Verify(token)
		return err
	}
}

func (a *app) stopServer() {
	if a.server == nil {
		return
	}
	ctx, cancel := a.deadline(finishFraction)
	defer cancel()
	if err := a.server.Shutdown(ctx); err != nil {
		a.log.Warn("connections were still open", "error", err)
	}
	a.handler.FlushLog()
}
