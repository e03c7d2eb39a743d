package operations

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/testutil"
)

// tokenWith returns a token with claims.
func tokenWith(t *testing.T, secret string, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// mix is a number of good and bad requests. Each has its effect on the counters.
type mix struct {
	t      *testing.T
	proxy  *testutil.Proxy
	client *http.Client
	name   string // of the transport; makes names and subjects of the mix its own
	want   figures
}

// send sends a request and adds what it should count to m.want. counts are names of
// series with an optional number after a blank.
func (m *mix) send(method, path, body string, header http.Header, status int, counts ...string) {
	m.t.Helper()
	request, err := http.NewRequest(method, m.proxy.URL+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	response, err := m.client.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	response.Body.Close()
	route := strings.SplitN(path, "/", 3)[1]
	switch {
	case method == http.MethodOptions:
		route = "preflight"
	case status == http.StatusNotFound:
		route = "other"
	}
	if response.StatusCode != status {
		m.t.Errorf("%s: %s %s %.50q: got %d, want %d", m.name, method, path, body, response.StatusCode, status)
	}
	m.want[fmt.Sprintf("http_requests_total{code=%d,route=%s}", status, route)]++
	for _, count := range counts {
		name, n := count, 1.0
		if _, err := fmt.Sscanf(count, "%s %g", &name, &n); err != nil {
			name, n = count, 1
		}
		m.want[name] += n
	}
}

func (m *mix) run() {
	const valid = "tokens_total{result=valid}"
	auth := func(claims jwt.MapClaims) http.Header {
		return http.Header{"Authorization": {"Bearer " + tokenWith(m.t, testutil.LongSecret, claims)}}
	}
	good := auth(jwt.MapClaims{"sub": "mix"})
	post := func(path, body string, header http.Header, status int, counts ...string) {
		m.t.Helper()
		m.send(http.MethodPost, path, body, header, status, counts...)
	}
	for _, kind := range []string{"count", "gauge", "timing", "set", "histogram", "distribution"} {
		post("/"+kind+"/k", "value=1", good, 200, valid, "metrics_accepted_total{type="+kind+"}")
	}
	rejected := func(reason string) string { return "metrics_rejected_total{reason=" + reason + "}" }
	post("/count/k", "value=x", good, 400, valid, rejected("invalid"))
	post("/set/k", "value="+strings.Repeat("x", 1432), good, 400, valid, rejected("too_large"))
	post("/batch", "a:1|c\nb:x|c\nc:1|g\nd:1|c", good, 200, valid, rejected("invalid"),
		"metrics_accepted_total{type=count} 2", "metrics_accepted_total{type=gauge}")
	post("/batch", "a:x|c\nb:1|x", good, 400, valid, rejected("invalid")+" 2")
	post("/batch", "[]", good, 400, valid, rejected("invalid"))

	result := func(text string) string { return "tokens_total{result=" + text + "}" }
	post("/count/k", "value=1", nil, 401, result("missing"), rejected("forbidden"))
	for text, token := range map[string]string{
		"malformed":     "x",
		"signature":     tokenWith(m.t, "another", nil),
		"expired":       tokenWith(m.t, testutil.LongSecret, jwt.MapClaims{"exp": 1}),
		"not_yet_valid": tokenWith(m.t, testutil.LongSecret, jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()}),
		"claims":        tokenWith(m.t, testutil.LongSecret, jwt.MapClaims{"exp": "x"}),
	} {
		post("/count/k", "value=1", http.Header{"X-Jwt-Token": {token}}, 403, result(text), rejected("forbidden"))
	}
	post("/count/k", "value=1", auth(jwt.MapClaims{"metrics": []string{"other"}}), 403, valid, rejected("forbidden"))

	limited := auth(jwt.MapClaims{"sub": "limited " + m.name, "rate": 0.001, "burst": 2})
	post("/batch", "k:1|c\nk:1|c", limited, 200, valid, "metrics_accepted_total{type=count} 2")
	post("/batch", "k:1|c\nk:1|c", limited, 429, valid, rejected("rate_limit"))
	narrow := auth(jwt.MapClaims{"sub": "narrow " + m.name, "max_series": 1})
	post("/count/one", "value=1", narrow, 200, valid, "metrics_accepted_total{type=count}")
	post("/count/two", "value=1", narrow, 429, valid, rejected("max_series"))

	m.send(http.MethodGet, "/count/k", "", good, 405)
	m.send(http.MethodGet, "/nonsense", "", good, 404)
	post("/count/k", "value=1", http.Header{"Authorization": good["Authorization"], "Content-Type": {"text/html"}}, 415, valid)
	m.send(http.MethodGet, "/heartbeat", "", nil, 200)
	m.send(http.MethodOptions, "/count/k", "", http.Header{"Origin": {"https://shop.example"}, "Access-Control-Request-Method": {"POST"}}, 204)
	post("/count/k", strings.Repeat("x", 200_000), good, 413, valid, rejected("too_large"))
}

// TestEveryRequestIsCounted sends a mix of requests over each transport.
func TestEveryRequestIsCounted(t *testing.T) {
	t.Parallel()
	secrets := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(secrets, []byte(testutil.LongSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, transport := range []struct {
		name  string
		start func(testing.TB, ...string) *testutil.Proxy
		isTLS bool
		http2 bool
	}{
		{"HTTP/1", testutil.StartProxy, false, false},
		{"HTTP/1 over TLS", testutil.StartSecureProxy, true, false},
		{"HTTP/2", testutil.StartSecureProxy, true, true},
	} {
		t.Run(transport.name, func(t *testing.T) {
			statsd := testutil.StartFakeStatsD(t)
			proxy := transport.start(t, "--admin-listen=127.0.0.1:0", "--histograms", "--http-max-body=100000",
				"--jwt-secret-file="+secrets, "--statsd-port="+statsd.Port, "--max-series=1000", "--http-timeout-idle=60")
			admin := proxy.AdminURL(t)
			server := "127.0.0.1:" + statsd.Port
			before := settled(t, admin, server)
			client := &http.Client{Timeout: testutil.Patience, Transport: &http.Transport{
				TLSClientConfig: testutil.SharedCertificate(t).ClientConfig.Clone(), ForceAttemptHTTP2: transport.http2,
				TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
			}}
			if transport.http2 {
				client.Transport.(*http.Transport).TLSNextProto = nil
			}
			defer client.CloseIdleConnections()
			m := &mix{t: t, proxy: proxy, client: client, name: transport.name, want: make(figures)}
			m.run()
			after := settled(t, admin, server)
			got := after.since(before)
			if diff := cmp.Diff(m.want, got.without("http_conn", "http_request_bytes", "statsd_", "tls_handshakes", "series", "rate_limit_clients")); diff != "" {
				t.Errorf("counters (-want +got):\n%s", diff)
			}
			if bytes := got["http_request_bytes_total{}"]; bytes < 200 || bytes > 300_000 {
				t.Errorf("got %v bytes of bodies", bytes)
			}
			conns := got["http_connections_total{result=accepted}"]
			handshakes := got["tls_handshakes_total{result=full}"] + got["tls_handshakes_total{result=resumed}"]
			if conns == 0 || transport.isTLS && handshakes != conns || !transport.isTLS && handshakes != 0 {
				t.Errorf("got %v connections, %v handshakes", conns, handshakes)
			}
			if after["series_limit{}"] != 1000 || got["series{}"] == 0 || after["rate_limit_clients{}"] == 0 {
				t.Errorf("got %v of %v series, %v clients", got["series{}"], after["series_limit{}"], after["rate_limit_clients{}"])
			}
			// Each line that was sent has arrived.
			sent := int(after["statsd_lines_sent_total{server="+server+"}"])
			if arrived := len(statsd.All(t)); arrived != sent {
				t.Errorf("%d lines were sent, %d arrived", sent, arrived)
			}
			proxy.Stop(t)
		})
	}
}
