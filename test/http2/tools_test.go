package http2

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestCurlSendsOverHTTP1AndHTTP2(t *testing.T) {
	t.Parallel()
	curl := testutil.NeedCommand(t, "curl")
	for name, secure := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartEtsyStatsD(t)
			proxy := startProxy(t, secure, "--statsd-port="+statsd.Port, "--jwt-secret=somesecret", "--http-max-body=10000")
			token := "X-JWT-Token: " + testutil.NewToken(t, "somesecret")
			f := func(want string, args ...string) {
				t.Helper()
				args = append([]string{"--silent", "--show-error", "--insecure", "--max-time", "10", "--write-out", "%{http_code} over %{http_version}"}, args...)
				if got := testutil.MustRun(t, exec.Command(curl, args...)); got != want {
					t.Errorf("curl %q printed %s, want %s", args, got, want)
				}
			}
			two := "--http2" // without TLS, curl tries an upgrade, which RFC 9113 has removed
			if !secure {
				two = "--http2-prior-knowledge"
				f("200 over 1.1", "--http2", "--header", token, "--data", "value=8", proxy.URL+"/count/one")
			} else {
				f("200 over 2", "--header", token, "--json", `{"value":8}`, proxy.URL+"/count/one")
			}
			large := filepath.Join(t.TempDir(), "large")
			if err := os.WriteFile(large, bytes.Repeat([]byte("k:1|c\n"), 2000), 0o600); err != nil {
				t.Fatal(err)
			}
			f("200 over 2", two, "--header", token, "--data", "value=3", proxy.URL+"/count/two")
			f("200 over 1.1", "--http1.1", "--header", token, "--data", "value=4", proxy.URL+"/count/one")
			f(`{"error":"a token is missing: send one in X-JWT-Token, in Authorization: Bearer or in the query parameter token"}401 over 2`,
				two, "--data", "value=1", proxy.URL+"/count/two")
			f(`{"error":"the body is larger than 10000 bytes"}413 over 2`,
				two, "--header", token, "--header", "Content-Type: text/plain", "--data-binary", "@"+large, proxy.URL+"/batch")
			want := map[string]float64{"two": 3, "one": 12}
			if got := statsd.WaitFor(t, 3).Counters; !reflect.DeepEqual(got, want) {
				t.Errorf("StatsD has counted %v, want %v", got, want)
			}
			proxy.Stop(t)
		})
	}
}

// h2load sends as many requests at once as the proxy allows on a connection, and
// tries more.
func TestProxyAnswersAllRequestsOfH2load(t *testing.T) {
	t.Parallel()
	h2load := testutil.NeedCommand(t, "h2load")
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte("value=1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, secure := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := startProxy(t, secure, "--statsd-port="+statsd.Port)
			const requests = 4000
			for i, streams := range []int{1, 100, 1000} {
				out := testutil.MustRun(t, exec.Command(h2load, "--requests", strconv.Itoa(requests), "--clients", "4",
					"--max-concurrent-streams", strconv.Itoa(streams), "--data", body, proxy.URL+"/count/load"))
				for _, want := range []string{
					"Application protocol: h2",
					"4000 succeeded, 0 failed, 0 errored, 0 timeout",
					"status codes: 4000 2xx, 0 3xx, 0 4xx, 0 5xx",
				} {
					if !strings.Contains(out, want) {
						t.Errorf("%d streams: got %s, want %s", streams, out, want)
					}
				}
				statsd.WaitForCount(t, (i+1)*requests)
			}
			proxy.Stop(t)
			if got := len(statsd.All(t)); got != 3*requests {
				t.Errorf("StatsD has received %d lines, want %d", got, 3*requests)
			}
		})
	}
}
