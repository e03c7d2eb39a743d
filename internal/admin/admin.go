// Package admin is the private HTTP listener of the proxy: health checks, metrics and
// profiles for the people and programs that operate it.
//
//	scraper ─▶ conns ─▶ net/http ─┬▶ /livez, /readyz
//	           limits             ├▶ /metrics       ─▶ scrapes ─▶ collector ─▶ counters
//	                              ├▶ /debug/top     ─▶ top.Top
//	                              └▶ /debug/pprof/
//
// The other parts of the proxy count in atomics. The collector reads them when somebody
// asks, so that metrics cost nothing on the path of a request.
package admin

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"statsd-http-proxy/internal/top"
)

// Limits of the listener. Scrapers may be many and slow; the proxy has other work.
const (
	maxConns       = 32               // open ones; a further one replaces the oldest. limit.DefaultMaxConns leaves files for them
	headTimeout    = 5 * time.Second  // to read the head of a request
	readTimeout    = 10 * time.Second // to read a request
	writeTimeout   = 10 * time.Second // to write a response
	profileTimeout = 10 * time.Minute // to write a profile, which may take minutes to measure
	idleTimeout    = 2 * time.Minute  // above the interval of most scrapers
	maxHead        = 16 << 10         // bytes
	closeTimeout   = 100 * time.Millisecond
)

// Options are the settings of a Server. All but Top are required.
type Options struct {
	Sources Sources
	Ready   *Readiness
	Top     *top.Top // nil for 404 on /debug/top
}

// Server serves the admin listener.
type Server struct {
	scrapes *scrapes
	http    http.Server
	done    chan struct{} // closed when Serve has returned
}

// Start serves listener in a goroutine, which ends with Close.
func Start(listener net.Listener, options Options) *Server {
	s := &Server{scrapes: newScrapes(options.Sources), done: make(chan struct{})}
	s.http = http.Server{
		Handler:           newHandler(s.scrapes, options),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          log.New(io.Discard, "", 0), // it is about faults of clients
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(newConns(listener, maxConns)) // its error says that it was closed
	}()
	return s
}

// Close ends s. Responses that are being written have 0.1 s.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	<-s.done
	s.scrapes.wait()
}

// newHandler returns the handler of all routes.
func newHandler(s *scrapes, options Options) http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, timeout time.Duration, serve http.HandlerFunc) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout)) // an error shows in the write
			serve(w, r)
		})
	}
	handle("/livez", writeTimeout, func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	handle("/readyz", writeTimeout, func(w http.ResponseWriter, _ *http.Request) { options.Ready.serve(w) })
	handle("/metrics", writeTimeout, s.serve)
	if options.Top != nil {
		handle("/debug/top", writeTimeout, func(w http.ResponseWriter, r *http.Request) { serveTop(w, r, options.Top) })
	}
	handle("/debug/pprof/", profileTimeout, pprof.Index)
	handle("/debug/pprof/cmdline", writeTimeout, serveCommandLine)
	handle("/debug/pprof/profile", profileTimeout, pprof.Profile)
	handle("/debug/pprof/symbol", writeTimeout, pprof.Symbol)
	handle("/debug/pprof/trace", profileTimeout, pprof.Trace)
	return mux
}

// serveCommandLine serves no command line: the arguments may hold a secret.
func serveCommandLine(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusForbidden, "the command line may hold secrets; see --check-config\n")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // an error means that the client is gone
}
