//go:build linux

package faults

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// adminDir holds the sockets of the proxies' admin listeners. A socket can be reached
// from outside of a proxy's network namespace.
var adminDir string

var adminSockets atomic.Int64

// adminOption returns the option for an admin listener of its own.
func adminOption() string {
	return "--admin-listen=unix:" + filepath.Join(adminDir, strconv.FormatInt(adminSockets.Add(1), 10))
}

// figures are what the proxy says about its lines, summed up over servers and reasons.
type figures struct{ queued, sent, lost, waiting float64 }

// figuresOf reads the figures of a running proxy from its admin listener.
func figuresOf(t testing.TB, proxy *testutil.Proxy) (f figures) {
	t.Helper()
	var socket string
	for _, arg := range proxy.Cmd.Args {
		if path, ok := strings.CutPrefix(arg, "--admin-listen=unix:"); ok {
			socket = path
		}
	}
	client := &http.Client{Timeout: testutil.Patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
	response, err := client.Get("http://admin/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), "{")
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		switch {
		case err != nil: // a comment, or a metric without labels
		case name == "statsd_http_proxy_statsd_lines_queued_total":
			f.queued += value
		case name == "statsd_http_proxy_statsd_lines_sent_total":
			f.sent += value
		case name == "statsd_http_proxy_statsd_lines_lost_total":
			f.lost += value
		case name == "statsd_http_proxy_statsd_queue_lines":
			f.waiting += value
		}
	}
	return f
}

// checkFigures fails the test unless the proxy's figures add up. All acknowledged lines
// have been queued. If all of them have arrived, none is counted as lost.
func (l *load) checkFigures(t testing.TB, what string, proxy *testutil.Proxy, arrived bool) {
	t.Helper()
	var f figures
	testutil.Eventually(t, what+": queued lines to be sent, lost or waiting", func() bool {
		f = figuresOf(t, proxy)
		return f.queued == f.sent+f.lost+f.waiting
	})
	if acknowledged := float64(l.count.Load()); f.queued < acknowledged {
		t.Errorf("%s: the proxy has acknowledged %v lines and counts %v as queued", what, acknowledged, f.queued)
	}
	if arrived && f.lost > 0 {
		t.Errorf("%s: all lines have arrived, but the proxy counts %v as lost", what, f.lost)
	}
}
