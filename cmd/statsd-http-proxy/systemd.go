package main

import (
	"fmt"
	"net"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// systemdListener returns the socket that systemd has opened for the proxy, see
// sd_listen_fds(3). It returns nil without one.
func systemdListener() (net.Listener, error) {
	listeners, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("use the socket of systemd: %w", err)
	}
	switch {
	case len(listeners) == 0:
		return nil, nil
	case len(listeners) > 1:
		return nil, fmt.Errorf("systemd passes %d sockets, want 1", len(listeners))
	case listeners[0] == nil:
		return nil, fmt.Errorf("the socket of systemd is not a stream socket: want ListenStream")
	}
	return listeners[0], nil
}

// notify tells systemd about a change of state, see sd_notify(3). It does nothing if
// systemd does not wait for that.
func (a *app) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		a.log.Warn("systemd is not notified", "error", err)
	}
}

// startWatchdog tells systemd at half of its interval that the proxy works, if systemd
// asks for that. Before, it reads the counters of all parts, so that a part that hangs
// with a lock held ends the notifications.
func (a *app) startWatchdog() error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		return err
	}
	a.watchdogStop = make(chan struct{})
	a.watchdogDone.Go(func() {
		ticker := time.NewTicker(interval / 2)
		defer ticker.Stop()
		for {
			_, _, _ = a.server.Stats(), a.handler.Stats(), a.sender.Stats()
			a.notify(daemon.SdNotifyWatchdog)
			select {
			case <-ticker.C:
			case <-a.watchdogStop:
				return
			}
		}
	})
	return nil
}

func (a *app) stopWatchdog() {
	if a.watchdogStop != nil {
		close(a.watchdogStop)
		a.watchdogDone.Wait()
	}
}
