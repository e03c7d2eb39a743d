package admin

import (
	"sync/atomic"
	"time"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/sender"
	"statsd-http-proxy/internal/transport"
)

// Sources are the counters that the metrics show. The functions are called for each
// scrape, from any goroutine. All fields are required.
type Sources struct {
	Version, Revision, GoVersion string

	HTTP            func() transport.Stats
	Ingest          func() ingest.Stats
	Tokens          func() auth.Stats
	JWKSLastSuccess func() int64 // Unix seconds; 0 for never
	Servers         func() []StatsDServer
	Reloads         *Reloads
	Expiry          func() time.Time // of the certificate; zero without one
	LogLinesDropped func() uint64
}

// StatsDServer is the state of a StatsD server.
type StatsDServer struct {
	Name string // as configured
	sender.Stats
}

// File is a kind of file that can be reloaded.
type File int

// The kinds of files.
const (
	FileTLS     File = iota // certificate and key
	FileSecrets             // of tokens
	FileKeys                // public keys of tokens
	FileTickets             // keys of TLS session tickets
	numFiles
)

var fileNames = [numFiles]string{"tls", "secrets", "keys", "tickets"}

// Reloads counts reloads of files. It is safe for concurrent use.
type Reloads struct {
	ok, failed [numFiles]atomic.Uint64
}

// Count counts a reload that ended with err.
func (r *Reloads) Count(file File, err error) {
	if err == nil {
		r.ok[file].Add(1)
	} else {
		r.failed[file].Add(1)
	}
}
