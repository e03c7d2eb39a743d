package main

import (
	"fmt"
	"strings"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/sender"
	"statsd-http-proxy/internal/server"
)

// newOptions returns the settings of the server that need nothing but c: what
// it accepts, and how much of it. An error begins with the name of an option.
func newOptions(c *config.Config) (server.Options, error) {
	o := server.Options{
		ReadTimeout:  c.HTTPTimeoutRead,
		WriteTimeout: c.HTTPTimeoutWrite,
		IdleTimeout:  c.HTTPTimeoutIdle,
		MaxBody:      c.HTTPMaxBody,
	}
	var err error
	if o.Encoder, err = newEncoder(c); err != nil {
		return o, err
	}
	if o.Origins, err = server.ParseOrigins(c.CORSOrigins); err != nil {
		return o, fmt.Errorf("cors-origins: %w", err)
	}
	if o.TrustedProxies, err = limit.ParseTrustedProxies(c.TrustedProxies); err != nil {
		return o, fmt.Errorf("trusted-proxies: %w", err)
	}
	if c.JWTJWKSURL != "" {
		if err := auth.CheckURL(c.JWTJWKSURL); err != nil {
			return o, fmt.Errorf("jwt-jwks-url: %w", err)
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
