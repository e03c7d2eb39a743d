package auth

import "statsd-http-proxy/internal/metric"

// Grant is what a token allows, and to whom. All requests with the same token
// share one Grant, so it must not be changed.
type Grant struct {
	// Subject is the claim sub, empty if the token has none.
	Subject string

	metric.Scope
}

// size returns about how many bytes g takes.
func (g *Grant) size() int {
	const fixed, perPattern = 120, 32
	size := fixed + len(g.Subject) + len(g.Prefix)
	for _, list := range [...]metric.Patterns{g.Metrics, g.Tags} {
		for _, pattern := range list {
			size += perPattern + len(pattern)
		}
	}
	return size
}
