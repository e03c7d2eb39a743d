package auth

import "statsd-http-proxy/internal/metric"

// Grant is whom a token is for and what it may write. Every request with that
// token shares it: it is not changed once it is made.
type Grant struct {
	// Subject is the claim sub, empty where the token has none.
	Subject string

	metric.Scope
}

// size returns about how many bytes g takes.
func (g *Grant) size() int {
	const fixed, perPattern = 96, 32
	size := fixed + len(g.Subject) + len(g.Prefix)
	for _, pattern := range g.Metrics {
		size += perPattern + len(pattern)
	}
	return size
}
