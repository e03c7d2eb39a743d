package main

import (
	"fmt"
	"strings"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/sender"
	"statsd-http-proxy/internal/transport"
)

// options are the settings of the HTTP side of the proxy.
type options struct {
	transport transport.Options
	ingest    ingest.Options
}

// newOptions returns the settings that need nothing but c. Its error begins with the name
// of an option.
func newOptions(c *config.Config) (o options, err error) {
	o.transport = transport.Options{
		ReadTimeout:  c.HTTPTimeoutRead,
		WriteTimeout: c.HTTPTimeoutWrite,
		IdleTimeout:  c.HTTPTimeoutIdle,
		MaxBody:      c.HTTPMaxBody,
	}
	o.ingest.MaxBody = c.HTTPMaxBody
	if o.ingest.Encoder, err = newEncoder(c); err != nil {
		return o, err
	}
	if o.ingest.Origins, err = ingest.ParseOrigins(c.CORSOrigins); err != nil {
		return o, fmt.Errorf("cors-origins: %w", err)
	}
	if o.ingest.TrustedProxies, err = limit.ParseTrustedProxies(c.TrustedProxies); err != nil {
		return o, fmt.Errorf("trusted-proxies: %w", err)
	}
	if c.JWTJWKSURL != "" {
		if err := auth.CheckURL(c.JWTJWKSURL); err != nil {
			return o, fmt.Errorf("jwt-jwks-url: %w", err)
		}
	}
	if c.MaxConns > 0 || c.MaxConnsPerIP > 0 {
		o.transport.Conns = limit.NewConns(c.MaxConns, c.MaxConnsPerIP, o.ingest.TrustedProxies)
	}
	if c.RateLimit > 0 {
		o.ingest.Rates = limit.NewRates(c.RateLimit, c.Burst(), limit.DefaultClients)
	}
	if c.MaxSeries > 0 {
		o.ingest.Series = limit.NewSeries(c.MaxSeries)
	}
	return o, nil
}

// newEncoder returns what writes metrics as c wants them. Its error begins with
// the name of an option.
func newEncoder(c *config.Config) (*metric.Encoder, error) {
	tags, err := decode.Tags([]byte(c.Tags))
	if err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	var allowed metric.Patterns
	if c.AllowMetrics != "" {
		if allowed, err = metric.ParsePatterns(split(c.AllowMetrics)); err != nil {
			return nil, fmt.Errorf("allow-metrics: %w", err)
		}
	}
	return metric.NewEncoder(metric.Options{
		Prefix:     c.MetricPrefix,
		MaxLine:    datagramSize(c),
		TagFormat:  c.TagFormat,
		Tags:       tags,
		NameFormat: c.NameFormat,
		Lowercase:  c.Lowercase,
		Histograms: c.Histograms,
		Metrics:    allowed,
	})
}

// split returns the elements of a list that are separated by commas, without
// blanks around them.
func split(list string) []string {
	elements := strings.Split(list, ",")
	for i := range elements {
		elements[i] = strings.TrimSpace(elements[i])
	}
	return elements
}

// datagramSize returns how many bytes of lines a datagram may hold.
func datagramSize(c *config.Config) int {
	if c.StatsDMaxDatagram != 0 {
		return c.StatsDMaxDatagram
	}
	return sender.DatagramSize(c.StatsDNetwork)
}
