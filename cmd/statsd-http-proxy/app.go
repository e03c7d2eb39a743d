package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"statsd-http-proxy/internal/acme"
	"statsd-http-proxy/internal/admin"
	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/demo"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/logbuf"
	"statsd-http-proxy/internal/reload"
	"statsd-http-proxy/internal/sender"
	"statsd-http-proxy/internal/top"
	"statsd-http-proxy/internal/transport"
)

// When requests must be finished and the queue must be sent, as fractions of
// --shutdown-timeout. The rest is for the end of the program.
const (
	finishFraction = 0.80
	sendFraction   = 0.95
	flushFraction  = 0.98
)

// flushTimeout is the time that the end of the program waits for the reader of
// standard error, and for that of the demo's standard output.
const flushTimeout = 250 * time.Millisecond

// The sizes in bytes of output that waits for its reader. Further lines are dropped
// and counted.
const (
	maxLogBytes  = 1 << 20
	maxDemoBytes = 4 << 20
)

// app is the proxy with all its parts.
type app struct {
	config   *config.Config
	args     []string // that config is from
	log      *slog.Logger
	stdout   io.Writer // for the demo
	warnings []string  // run logs them after the start, so that a failed start prints one line

	// newApp sets these.
	httpOptions httpOptions
	certificate *certificate  // nil without --tls-cert
	acmeOptions *acme.Options // nil without --acme-domain
	tickets     *ticketKeys   // nil without --tls-ticket-key-file
	keys        *tokenKeys    // nil without tokens

	// The functions that start the parts set these.
	listener net.Listener
	acme     *acme.Manager  // nil without --acme-domain
	demo     *demo.Server   // nil without --demo
	printed  *logbuf.Writer // standard output of the demo; nil without --demo
	sender   *sender.Sender
	verifier *auth.Verifier // nil without tokens
	handler  *ingest.Handler
	server   *transport.Server
	failed   chan error // receives the error of the server
	watcher  *reload.Watcher
	hangUp   func() // ends the handling of SIGHUP

	adminListener net.Listener  // nil without --admin-listen
	admin         *admin.Server // nil without --admin-listen
	ready         *admin.Readiness
	top           *top.Top           // nil without --admin-listen
	selfMetrics   *admin.SelfMetrics // nil without --self-metrics
	reloads       admin.Reloads
	logDropped    func() uint64 // how many lines of the log were dropped; nil for none

	watchdogStop chan struct{} // nil unless systemd has a watchdog
	watchdogDone sync.WaitGroup

	expiryStop chan struct{} // nil without --tls-cert
	expiryDone sync.WaitGroup

	stopping time.Time // when stop was called, after --shutdown-delay
}

// newApp checks the options of c, which args are parsed to, and reads the files
// that they name. It opens no socket and starts nothing. An error in the options
// is a usageError.
func newApp(c *config.Config, args []string, stdout, stderr io.Writer) (*app, error) {
	a := &app{
		config:   c,
		args:     args,
		log:      newLogger(stderr, c),
		stdout:   stdout,
		warnings: append(c.Warnings, optionWarnings(c)...),
	}
	var err error
	if a.httpOptions, err = newHTTPOptions(c); err != nil {
		return nil, usageError{config.Locate(args, err)}
	}
	if c.TLSCert != "" {
		a.certificate = &certificate{cert: c.TLSCert, key: c.TLSKey}
		if err := a.certificate.load(); err != nil {
			return nil, err
		}
		a.warn(a.certificate.warning(time.Now()))
	}
	if a.acmeOptions, err = acmeOptions(c); err != nil {
		return nil, err
	}
	a.warn(accountWarning(a.acmeOptions))
	if a.acmeOptions != nil || c.JWTJWKSURL != "" {
		useFallbackRoots()
	}
	if c.TLSTicketKeyFile != "" {
		a.tickets = &ticketKeys{file: c.TLSTicketKeyFile}
		if err := a.tickets.load(); err != nil {
			return nil, err
		}
	}
	if c.NeedsTokens() {
		a.keys = &tokenKeys{config: c}
		if err := a.keys.load(); err != nil {
			return nil, err
		}
		a.warn(a.keys.warning())
	}
	return a, nil
}

// warn adds a warning, unless it is empty.
func (a *app) warn(text string) {
	if text != "" {
		a.warnings = append(a.warnings, text)
	}
}

// run starts the proxy, and stops it when ctx ends or the server fails. It
// returns the error of the start or of the server.
func (a *app) run(ctx context.Context) error {
	defer a.stop()
	for _, start := range []func() error{
		a.listenAdmin, // these first, since they fail most often
		a.listen,
		a.openACME,
		a.startDemo,
		a.startSender,
		a.startVerifier,
		a.newTop,
		a.newServer,
		a.startAdmin, // before the first request
		a.serve,
		a.startWatcher,
		a.startExpiryCheck,
		a.startSelfMetrics,
		a.startWatchdog,
		a.startACME, // last, since it logs
	} {
		if err := start(); err != nil {
			return err
		}
	}
	a.logStart()
	a.notify(daemon.SdNotifyReady)
	select {
	case <-ctx.Done():
		a.log.Info("stopping", "delay", a.config.ShutdownDelay)
		a.ready.SetStopping()
		a.notify(daemon.SdNotifyStopping)
	case err := <-a.failed:
		return err
	}
	select {
	case <-time.After(a.config.ShutdownDelay):
		return nil
	case err := <-a.failed:
		return err
	}
}

// stop stops the parts that were started. It takes less than --shutdown-timeout.
func (a *app) stop() {
	a.stopping = time.Now()
	for _, stop := range []func(){
		a.stopACME,
		a.stopServer, // finishes requests, which may queue lines
		a.stopSelfMetrics,
		a.stopSender, // sends the queue
		a.stopExpiryCheck,
		a.stopWatcher,
		a.stopVerifier,
		a.stopDemo, // after the sender, which sends to it
		a.closeListener,
		a.stopWatchdog,
		a.stopAdmin, // last, so that the shutdown can be watched
	} {
		stop()
	}
}

// deadline returns a context that ends when a fraction of --shutdown-timeout is
// over.
func (a *app) deadline(fraction float64) (context.Context, context.CancelFunc) {
	limit := time.Duration(fraction * float64(a.config.ShutdownTimeout))
	return context.WithDeadline(context.Background(), a.stopping.Add(limit))
}

// flushContext returns a context that ends after flushTimeout, or when flushFraction of
// --shutdown-timeout is over. a may be nil: then nothing was started.
func (a *app) flushContext() (context.Context, context.CancelFunc) {
	if a == nil || a.stopping.IsZero() {
		return context.WithTimeout(context.Background(), flushTimeout)
	}
	ctx, cancelDeadline := a.deadline(flushFraction)
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	return ctx, func() {
		cancel()
		cancelDeadline()
	}
}

func (a *app) listen() (err error) {
	if a.listener, err = systemdListener(); a.listener != nil || err != nil {
		return err
	}
	address := a.config.HTTPAddress()
	if a.listener, err = transport.Listen(address); err != nil {
		return listenError(address, a.config.HTTPPort, err)
	}
	return nil
}

// closeListener closes the listener if it is not served yet: a server
// closes its own.
func (a *app) closeListener() {
	if a.listener != nil && a.failed == nil {
		a.listener.Close()
	}
}

// logStart logs the warnings of the start, and the addresses.
func (a *app) logStart() {
	a.warn(publicWarning(a.config, a.listener.Addr()))
	a.warn(acmeWarning(a.acmeOptions, a.listener.Addr()))
	a.warn(adminWarning(a.adminListener))
	for _, warning := range a.warnings {
		a.log.Warn(warning)
	}
	to := a.senderOptions()
	a.log.Info("accepting connections", "address", a.listener.Addr(), "tls", a.config.UsesTLS(), "tokens", a.verifier != nil)
	if a.adminListener != nil {
		a.log.Info("serving the admin listener", "address", a.adminListener.Addr())
	}
	a.log.Info("forwarding to statsd", "address", to.Address, "network", to.Network)
}
