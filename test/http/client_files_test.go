package http

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestCurlLoadsTheClientOverHTTP1AndHTTP2(t *testing.T) {
	t.Parallel()
	curl := testutil.NeedCommand(t, "curl")
	proxy := testutil.StartSecureProxy(t, "--statsd-port="+testutil.StartSink(t), "--jwt-secret=somesecret", "--cors-origins=https://shop.example")
	dir := t.TempDir()
	out, etag := filepath.Join(dir, "out"), filepath.Join(dir, "etag")
	f := func(want string, args ...string) {
		t.Helper()
		args = append([]string{"--silent", "--show-error", "--insecure", "--max-time", "10", "--output", out, "--write-out", "%{http_code} over %{http_version}"}, args...)
		if got := testutil.MustRun(t, exec.Command(curl, args...)); got != want {
			t.Errorf("curl %q printed %s, want %s", args, got, want)
		}
	}
	for _, name := range []string{"client.js", "client.mjs", "client.d.ts", "client.d.mts"} {
		url, want := proxy.URL+"/"+name, testutil.ReadFile(t, "internal/browserclient/files/"+name)
		for version, option := range map[string]string{"1.1": "--http1.1", "2": "--http2"} {
			for _, how := range []string{option, "--compressed"} {
				f("200 over "+version, option, how, "--etag-save", etag, url)
				if got, err := os.ReadFile(out); err != nil || string(got) != want {
					t.Errorf("%s over HTTP/%s: got %d bytes, %v, want %d", name, version, len(got), err, len(want))
				}
				f("304 over "+version, option, how, "--etag-compare", etag, url)
			}
			f("200 over "+version, option, "--head", url)
			f("405 over "+version, option, "--request", "PUT", url)
		}
	}
	proxy.Stop(t)
}

func TestServingTheClientCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	f := func(environment []string, args ...string) {
		t.Helper()
		args = append(args, "--statsd-port="+testutil.StartSink(t))
		proxy := testutil.StartProxyWith(t, environment, "", args...)
		proxy.MustReject(t, "/client.js", "", 404, "client.js")
		curl := testutil.NeedCommand(t, "curl")
		if got := testutil.MustRun(t, exec.Command(curl, "--silent", "--output", os.DevNull, "--write-out", "%{http_code}", proxy.URL+"/client.mjs")); got != "404" {
			t.Errorf("GET /client.mjs: got %s, want 404", got)
		}
		proxy.Stop(t)
	}
	f(nil, "--serve-client=false")
	f([]string{"SERVE_CLIENT=false"})
}
