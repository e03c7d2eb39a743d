package main

import (
	"fmt"
	"net"
	"runtime"
	"time"

	"statsd-http-proxy/internal/admin"
	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/top"
)

// listenAdmin opens the admin listener. Nothing is served on it before startAdmin.
func (a *app) listenAdmin() (err error) {
	if a.config.AdminListen != "" {
		a.adminListener, err = admin.Listen(a.config.AdminListen)
	}
	return err
}

// startAdmin serves the admin listener.
func (a *app) startAdmin() error {
	a.ready = &admin.Readiness{AwayTimeout: a.config.ReadyStatsDTimeout, Servers: a.statsdServers}
	if a.adminListener != nil {
		a.admin = admin.Start(a.adminListener, admin.Options{Sources: a.sources(), Ready: a.ready, Top: a.top})
	}
	return nil
}

// stopAdmin ends the admin listener, or closes it if it was not served yet.
func (a *app) stopAdmin() {
	switch {
	case a.admin != nil:
		a.admin.Close()
	case a.adminListener != nil:
		_ = a.adminListener.Close() // nothing was written to it
	}
}

// newTop makes what /debug/top shows.
func (a *app) newTop() error {
	if a.adminListener != nil {
		a.top = top.New()
	}
	return nil
}

func (a *app) startSelfMetrics() error {
	if prefix := a.config.SelfMetrics; prefix != "" {
		a.selfMetrics = admin.StartSelfMetrics(prefix, a.sources(), a.sender.Send, a.log)
	}
	return nil
}

func (a *app) stopSelfMetrics() {
	if a.selfMetrics != nil {
		a.selfMetrics.Close()
	}
}

// sources returns the counters of all parts. The parts have to exist.
func (a *app) sources() admin.Sources {
	return admin.Sources{
		Version:         version,
		Revision:        commit,
		GoVersion:       runtime.Version(),
		HTTP:            a.server.Stats,
		Ingest:          a.handler.Stats,
		Tokens:          a.tokenStats,
		JWKSLastSuccess: a.jwksLastSuccess,
		Servers:         a.statsdServers,
		Reloads:         &a.reloads,
		Expiry:          a.certificateExpiry,
		LogLinesDropped: a.logLinesDropped,
	}
}

func (a *app) tokenStats() auth.Stats {
	if a.verifier == nil {
		return auth.Stats{}
	}
	return a.verifier.Stats()
}

func (a *app) jwksLastSuccess() int64 {
	if a.verifier == nil {
		return 0
	}
	return a.verifier.JWKSLastSuccess()
}

func (a *app) logLinesDropped() uint64 {
	if a.logDropped == nil {
		return 0
	}
	return a.logDropped()
}

// certificateExpiry returns when the certificate expires, or the first of several. It
// returns the zero time without TLS, see also acme.Manager.Expiry.
func (a *app) certificateExpiry() time.Time {
	switch {
	case a.certificate != nil:
		return a.certificate.loaded.Load().Leaf.NotAfter
	case a.acme != nil:
		return a.acme.Expiry()
	}
	return time.Time{}
}

// statsdServers returns the state of the StatsD server.
func (a *app) statsdServers() []admin.StatsDServer {
	return []admin.StatsDServer{{Name: a.senderOptions().Address, Stats: a.sender.Stats()}}
}

// counted returns load, which counts its calls as reloads of the given files.
func (a *app) counted(load func() error, files ...admin.File) func() error {
	return func() error {
		err := load()
		for _, file := range files {
			a.reloads.Count(file, err)
		}
		return err
	}
}

// adminWarning returns a warning if other hosts can reach the admin listener, or "".
func adminWarning(listener net.Listener) string {
	if listener == nil {
		return ""
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok || address.IP.IsLoopback() {
		return ""
	}
	return fmt.Sprintf("other hosts can reach the admin listener %s, which shows metrics and profiles to anyone: set --admin-listen=127.0.0.1:PORT or unix:PATH, or protect the port", address)
}
