package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"statsd-http-proxy/internal/admin"
	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/reload"
)

// startWatcher reloads files when they change and on SIGHUP.
func (a *app) startWatcher() error {
	var files []reload.Source
	if a.certificate != nil {
		files = append(files, reload.Source{Name: "the certificate", Files: a.certificate.files(), Load: a.counted(a.reloadCertificate, admin.FileTLS)})
	}
	if a.tickets != nil {
		files = append(files, reload.Source{Name: "the keys of TLS tickets", Files: []string{a.tickets.file}, Load: a.counted(a.reloadTicketKeys, admin.FileTickets)})
	}
	if a.keys != nil && len(a.keys.files()) > 0 {
		files = append(files, reload.Source{Name: "the keys of tokens", Files: a.keys.files(), Load: a.counted(a.reloadKeys, a.keys.kinds()...)})
	}
	if isRegular(a.config.File) {
		files = append(files, reload.Source{Name: "the configuration file", Files: []string{a.config.File}, Load: a.checkConfigFile})
	}
	a.watcher = reload.Start(a.log, files...)
	a.hangUp = onHangUp(a.watcher.Reload)
	return nil
}

// checkConfigFile returns an error if the configuration file has errors, or if
// its options have changed: they take effect with the next start.
func (a *app) checkConfigFile() error {
	changed, err := config.Changes(a.config, a.args)
	if err == nil && len(changed) > 0 {
		err = fmt.Errorf("restart the proxy to apply the changes of %s", strings.Join(changed, ", "))
	}
	return err
}

// isRegular reports whether a file can be read again, unlike a pipe.
func isRegular(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

func (a *app) stopWatcher() {
	if a.watcher != nil {
		a.hangUp()
		a.watcher.Close()
	}
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
