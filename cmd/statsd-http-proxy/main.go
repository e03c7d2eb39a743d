// Command statsd-http-proxy accepts metrics over HTTP, as a browser can send
// them, and forwards them to StatsD.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/demo"
	"statsd-http-proxy/internal/reload"
	"statsd-http-proxy/internal/sender"
	"statsd-http-proxy/internal/server"
)

// Set by the linker, see Makefile.
var (
	version = "dev"
	commit  = "unknown commit"
	date    = "unknown date"
)

// Which parts of --shutdown-timeout are over when requests must be finished, and
// when the queue must be sent. The rest is for the end of the program.
const (
	finishPart = 0.80
	sendPart   = 0.95
)

// Exit codes.
const (
	exitFailure = 1 // it could not start, or not go on
	exitUsage   = 2 // it was called wrongly
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "token" {
		return runToken(args[1:], stdout, stderr)
	}
	c, err := config.Parse(args)
	if errors.Is(err, config.ErrHelp) {
		if err := config.WriteHelp(stdout); err != nil {
			return fail(stderr, exitFailure, err)
		}
		return 0
	}
	if err != nil {
		return fail(stderr, exitUsage, err)
	}
	if c.Version {
		_, err := fmt.Fprintf(stdout, "statsd-http-proxy %s (%s, %s, %s)\n", version, commit, date, runtime.Version())
		if err != nil {
			return fail(stderr, exitFailure, err)
		}
		return 0
	}
	options, err := newOptions(c)
	if err != nil {
		return fail(stderr, exitUsage, fmt.Errorf("--%w", err))
	}
	if err := serve(c, options, stdout, stderr); err != nil {
		return fail(stderr, exitFailure, err)
	}
	return 0
}

// fail prints what went wrong in one line and returns the exit code.
func fail(stderr io.Writer, code int, err error) int {
	fmt.Fprintf(stderr, "statsd-http-proxy: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
	return code
}

// serve builds the parts and runs them until a signal.
func serve(c *config.Config, options server.Options, stdout, stderr io.Writer) error {
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	options.Logger = log
	var files []reload.Source
	if c.TLSCert != "" {
		certificate := &certificate{cert: c.TLSCert, key: c.TLSKey}
		if err := certificate.load(); err != nil {
			return err
		}
		options.GetCertificate = certificate.get
		files = append(files, reload.Source{Name: "the certificate", Files: []string{c.TLSCert, c.TLSKey}, Load: certificate.load})
	}
	if c.NeedsTokens() {
		verifier, source, err := newVerifier(c, log)
		if err != nil {
			return err
		}
		defer verifier.Close()
		options.Verifier = verifier
		if len(source.Files) > 0 {
			files = append(files, source)
		}
	}
	listener, err := net.Listen("tcp", c.HTTPAddress())
	if err != nil {
		return fmt.Errorf("listen on %q: %w", c.HTTPAddress(), err)
	}
	to := sender.Options{
		Network:         c.StatsDNetwork,
		Address:         c.StatsDAddress(),
		DatagramBytes:   datagramSize(c),
		QueueBytes:      c.StatsDBuffer,
		ResolveInterval: c.StatsDResolveInterval,
		Logger:          log,
	}
	if c.Demo {
		receiver, err := demo.Start(stdout)
		if err != nil {
			return err
		}
		defer receiver.Close()
		to.Network, to.Address = sender.UDP, receiver.Address()
		options.Pages = receiver.Handler()
	}

	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()

	metrics, err := sender.New(to)
	if err != nil {
		return err
	}
	options.Sink = metrics
	proxy := server.New(options)
	failed := make(chan error, 1)
	go func() { failed <- proxy.Serve(listener) }()
	watcher := reload.Start(log, files...)
	defer watcher.Close()
	defer onHangUp(watcher.Reload)()
	log.Info("accepting connections", "address", listener.Addr(), "tls", options.GetCertificate != nil, "tokens", options.Verifier != nil)
	log.Info("forwarding to statsd", "address", to.Address, "network", to.Network)

	select {
	case <-ctx.Done():
		release() // a second signal ends the program at once
		log.Info("stopping")
	case err = <-failed:
	}
	stop(log, proxy, metrics, c.ShutdownTimeout)
	return err
}

// onHangUp calls f for every SIGHUP until cancel is called.
func onHangUp(f func()) (cancel func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range signals {
			f()
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
	}
}

// stop finishes the requests in flight, then sends what they left to send. It
// takes less than limit.
func stop(log *slog.Logger, proxy *server.Server, s *sender.Sender, limit time.Duration) {
	start := time.Now()
	until := func(part float64) (context.Context, context.CancelFunc) {
		return context.WithDeadline(context.Background(), start.Add(time.Duration(part*float64(limit))))
	}
	finish, cancel := until(finishPart)
	defer cancel()
	if err := proxy.Shutdown(finish); err != nil {
		log.Warn("connections were still open", "error", err)
	}
	send, cancel := until(sendPart)
	defer cancel()
	s.Close(send)
}
