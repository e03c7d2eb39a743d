package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/test/harness"
)

// startSecureProxy starts a proxy that speaks HTTPS.
func startSecureProxy(t *testing.T, args ...string) *proxy {
	t.Helper()
	cert, key := testCertificate(t).write(t, t.TempDir(), "tls.crt", "tls.key")
	return startProxy(t, append([]string{"--tls-cert=" + cert, "--tls-key=" + key}, args...)...)
}

func TestCurlSpeaksBothVersionsOfHTTP(t *testing.T) {
	curl := harness.NeedCommand(t, "curl")
	statsd := startEtsyStatsD(t)
	proxy := startSecureProxy(t, "--statsd-port="+statsd.port, "--jwt-secret=somesecret", "--http-max-body=10000")
	token := "X-JWT-Token: " + newToken(t, "somesecret")
	f := func(want string, args ...string) {
		t.Helper()
		args = append([]string{"--silent", "--show-error", "--insecure", "--max-time", "10", "--write-out", "%{http_code} over %{http_version}"}, args...)
		if got := harness.MustRun(t, exec.Command(curl, args...)); got != want {
			t.Errorf("curl %q printed %s, want %s", args, got, want)
		}
	}
	// The proxy reads it to its end nevertheless. The stream of a larger one is
	// reset behind the answer, which may reach this curl before it has looked at that
	// (curl 7.88 exits with 18 then): TestBodyOverHTTP2IsLimited has those.
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, bytes.Repeat([]byte("k:1|c\n"), 2000), 0o600); err != nil {
		t.Fatal(err)
	}
	f("200 over 2", "--http2", "--header", token, "--data", "value=1", proxy.url+"/count/two")
	f("200 over 2", "--header", token, "--json", `{"value":2}`, proxy.url+"/count/two")
	f("200 over 1.1", "--http1.1", "--header", token, "--data", "value=4", proxy.url+"/count/one")
	f(`{"error":"a token is missing: send one in X-JWT-Token, in Authorization: Bearer or in the query parameter token"}401 over 2`,
		"--data", "value=1", proxy.url+"/count/two")
	f(`{"error":"the body is larger than 10000 bytes"}413 over 2`,
		"--header", token, "--header", "Content-Type: text/plain", "--data-binary", "@"+large, proxy.url+"/batch")
	want := map[string]float64{"two": 3, "one": 4}
	if got := statsd.waitFor(t, 3).Counters; !reflect.DeepEqual(got, want) {
		t.Errorf("StatsD has counted %v, want %v", got, want)
	}
	proxy.Stop(t)
}

func TestBrowserSpeaksHTTP2(t *testing.T) {
	statsd := startEtsyStatsD(t)
	proxy := startSecureProxy(t, "--statsd-port="+statsd.port, "--jwt-secret=somesecret", "--verbose")
	type page struct {
		Statuses  []int
		Beacon    bool
		Large     int
		Protocols []string
	}
	var got map[string]page
	browser := startBrowser(t, "http2.mjs", &got, map[string]any{
		"page":  startPage(t),
		"proxy": proxy.url,
		"token": newToken(t, "somesecret"),
	})
	want := map[string]page{
		"own":   {[]int{200}, true, 200, []string{"h2"}},
		"other": {[]int{200}, true, 200, got["other"].Protocols},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the pages saw %+v, want %+v", got, want)
	}
	counted := map[string]float64{
		"own.fetch": 50, "own.beacon": 7, "own.large": 2000,
		"other.fetch": 50, "other.beacon": 7, "other.large": 2000,
	}
	if got := statsd.waitFor(t, 2*(50+1+2000)).Counters; !reflect.DeepEqual(got, counted) {
		t.Errorf("StatsD has counted\ngot  %v\nwant %v", got, counted)
	}
	browser.end(t)
}

// TestLoadOverHTTP2IsAnswered has as many requests under way at once as a
// connection may carry, and tries more.
func TestLoadOverHTTP2IsAnswered(t *testing.T) {
	h2load := harness.NeedCommand(t, "h2load")
	statsd := startReceiver(t)
	proxy := startSecureProxy(t, "--statsd-port="+statsd.port)
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte("value=1"), 0o600); err != nil {
		t.Fatal(err)
	}
	const requests = 4000
	for i, streams := range []int{1, 100, 1000} {
		out := harness.MustRun(t, exec.Command(h2load, "--requests", strconv.Itoa(requests), "--clients", "4",
			"--max-concurrent-streams", strconv.Itoa(streams), "--data", body, proxy.url+"/count/load"))
		for _, want := range []string{
			"Application protocol: h2",
			"4000 succeeded, 0 failed, 0 errored, 0 timeout",
			"status codes: 4000 2xx, 0 3xx, 0 4xx, 0 5xx",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%d streams: got %s, want %s", streams, out, want)
			}
		}
		harness.Eventually(t, "each metric", func() bool { return len(statsd.received()) >= (i+1)*requests })
	}
	proxy.Stop(t)
	if got := len(statsd.all(t)); got != 3*requests {
		t.Errorf("StatsD has received %d lines, want %d", got, 3*requests)
	}
}
