package admin

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Readiness is whether the proxy should get requests. It is safe for concurrent use.
type Readiness struct {
	// AwayTimeout is the time for which a server may be away; 0 for any time.
	AwayTimeout time.Duration

	// Servers returns the state of the StatsD servers.
	Servers func() []StatsDServer

	stopping atomic.Bool
}

// SetStopping records that the shutdown has begun.
func (r *Readiness) SetStopping() { r.stopping.Store(true) }

// reasons returns why the proxy should get no requests, nil if it should get them.
func (r *Readiness) reasons(now time.Time) []string {
	var reasons []string
	if r.stopping.Load() {
		reasons = append(reasons, "the proxy is shutting down")
	}
	if r.AwayTimeout == 0 {
		return reasons
	}
	for _, s := range r.Servers() {
		if away := now.Sub(s.AwaySince); !s.IsUp && away > r.AwayTimeout {
			reasons = append(reasons, "the StatsD server "+s.Name+" has been away for "+away.Round(time.Second).String())
		}
	}
	return reasons
}

// serve answers a request for /readyz.
func (r *Readiness) serve(w http.ResponseWriter) {
	reasons := r.reasons(time.Now())
	if len(reasons) == 0 {
		writeText(w, http.StatusOK, "ok")
		return
	}
	writeText(w, http.StatusServiceUnavailable, strings.Join(reasons, "\n")+"\n")
}
