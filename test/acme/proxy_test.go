package acme

import (
	"crypto/tls"
	"io"
	"net/http"
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

// adminAddress matches the address of the admin listener in the log.
var adminAddress = regexp.MustCompile(`msg="serving the admin listener" address=(\S+)\n`)

// metric returns the value of a metric of a proxy with --admin-listen=127.0.0.1:0.
func metric(t *testing.T, proxy *testutil.Proxy, name string) float64 {
	t.Helper()
	match := adminAddress.FindStringSubmatch(proxy.Stderr.String())
	if match == nil {
		t.Fatal("the log has no address of the admin listener")
	}
	client := http.Client{Timeout: testutil.Patience}
	response, err := client.Get("http://" + match[1] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta("statsd_http_proxy_"+name) + ` (\S+)$`).FindSubmatch(text)
	if line == nil {
		t.Fatalf("there is no metric %s", name)
	}
	value, err := strconv.ParseFloat(string(line[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

const expiry = "tls_certificate_expiry_timestamp_seconds"
