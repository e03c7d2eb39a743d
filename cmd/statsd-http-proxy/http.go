package main

import (
	"fmt"
	"strings"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/server"
)

// newHTTPOptions returns the settings of the server that follow from the options
// alone. Its error names an option.
func newHTTPOptions(c *config.Config) (server.Options, error) {
	o := server.Options{
		ReadTimeout:  c.HTTPTimeoutRead,
		WriteTimeout: c.HTTPTimeoutWrite,
		IdleTimeout:  c.HTTPTimeoutIdle,
		MaxBody:      c.HTTPMaxBody,
	}
	var err error
	if o.Encoder, err = newEncoder(c); err != nil {
		return o, fmt.Errorf("--%w", err)
	}
	if o.Origins, err = server.ParseOrigins(strings.Join(c.CORSOrigins, ",")); err != nil {
		return o, fmt.Errorf("--cors-origins: %w", err)
	}
	if o.TrustedProxies, err = limit.ParseTrustedProxies(strings.Join(c.TrustedProxies, ",")); err != nil {
		return o, fmt.Errorf("--trusted-proxies: %w", err)
	}
	if c.JWTJWKSURL != "" {
		if err := auth.CheckURL(c.JWTJWKSURL); err != nil {
			return o, fmt.Errorf("--jwt-jwks-url: %w", err)
		}
	}
	if c.MaxConns > 0 || c.MaxConnsPerIP > 0 {
		o.Conns = limit.NewConns(c.MaxConns, c.MaxConnsPerIP, o.TrustedProxies)
	}
	if c.RateLimit > 0 {
		o.Rates = limit.NewRates(c.RateLimit, c.Burst(), limit.DefaultClients)
	}
	if c.MaxSeries > 0 {
		o.Series = limit.NewSeries(c.MaxSeries)
	}
	return o, nil
}

// newEncoder returns the encoder of metrics. Its error begins with the name of an
// option.
func newEncoder(c *config.Config) (*metric.Encoder, error) {
	tags, err := decode.Tags([]byte(strings.Join(c.Tags, ",")))
	if err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	var allowed metric.Patterns
	if c.AllowMetrics != nil {
		if allowed, err = metric.ParsePatterns(c.AllowMetrics); err != nil {
			return nil, fmt.Errorf("allow-metrics: %w", err)
		}
	}
	return metric.NewEncoder(metric.Options{
		Prefix:     c.MetricPrefix,
		MaxLine:    datagramBytes(c),
		TagFormat:  c.TagFormat,
		Tags:       tags,
		NameFormat: c.NameFormat,
		Lowercase:  c.Lowercase,
		Histograms: c.Histograms,
		Metrics:    allowed,
	})
}

// startServer serves the listener in a goroutine.
func (a *app) startServer() error {
	o := a.httpOptions
	o.Logger = a.log
	o.Sink = a.sender
	o.Verifier = a.verifier
	if a.certificate != nil {
		o.GetCertificate = a.certificate.get
	}
	if a.demo != nil {
		o.Pages = a.demo.Handler(a.verifyToken())
	}
	a.server = server.New(o)
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
}
