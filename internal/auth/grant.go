package auth

import "statsd-http-proxy/internal/metric"

// Grant is what a token allows, and to whom. All requests with the same token
// share one Grant, so it must not be changed.
type Grant struct {
	// Subject is the claim sub, empty if the token has none.
	Subject string

	metric.Scope

	Limits
}

// Limits are the claims that replace the configured limits for the subject of a
// token. A field is 0 if the token does not have its claim.
type Limits struct {
	Rate      float64 // metrics a second: claim rate, from 0.001 to 1e9
	Burst     int     // metrics at once: claim burst, from 1 to 1e9
	MaxSeries int     // distinct series: claim max_series, from 1 to 1e9
}

// size returns about how many bytes g takes.
func (g *Grant) size() int {
	const fixed, perPattern = 144, 32
	size := fixed + len(g.Subject) + len(g.Prefix)
	for _, patterns := range []metric.Patterns{g.Metrics, g.Tags} {
		for _, pattern := range patterns {
			size += perPattern + len(pattern)
		}
	}
	return size
}
