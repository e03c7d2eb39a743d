package acme

import (
	"crypto/tls"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// wantAlert fails the test unless the proxy ends the handshake with an alert.
func wantAlert(t *testing.T, proxy *testutil.Proxy, name, alert string, protocols ...string) {
	t.Helper()
	_, err := handshake(proxy, &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: protocols})
	if err == nil || !strings.Contains(err.Error(), alert) {
		t.Errorf("%q %q: got %v, want the alert %s", name, protocols, err, alert)
	}
}

// metric returns the value of a metric of a proxy with --admin-listen=127.0.0.1:0.
func metric(t *testing.T, proxy *testutil.Proxy, name string) float64 {
	t.Helper()
	text := testutil.MustGet(t, proxy.AdminURL(t)+"/metrics")
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta("statsd_http_proxy_"+name) + ` (\S+)$`).FindStringSubmatch(text)
	if line == nil {
		t.Fatalf("there is no metric %s", name)
	}
	value, err := strconv.ParseFloat(line[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

const expiry = "tls_certificate_expiry_timestamp_seconds"
