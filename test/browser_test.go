package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"statsd-http-proxy/test/harness"
)

// page is what the browser opens: a page with nothing but jQuery.
const page = `<!doctype html>
<title>A page that sends metrics</title>
<script src="/jquery.js"></script>
`

// startPage serves page on an origin of its own.
func startPage(t *testing.T) string {
	t.Helper()
	jquery := needNodePackage(t, "jquery/dist/jquery.js")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	})
	mux.HandleFunc("GET /jquery.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, jquery)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// browserCommand is a call of a script of test/browser with options for it, and
// those that all scripts have.
func browserCommand(t *testing.T, script string, options map[string]any) *exec.Cmd {
	t.Helper()
	node := harness.NeedCommand(t, "node")
	options["chromium"] = harness.NeedCommand(t, "chromium")
	needNodePackage(t, "playwright-core/package.json")
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(node, "browser/"+script, string(text))
}

// browser is a running script that has reported what its pages saw, and keeps
// them open.
type browser struct {
	*harness.Process
	stdin io.WriteCloser
}

// startBrowser starts a script and reads its report into seen.
func startBrowser(t *testing.T, script string, seen any, options map[string]any) *browser {
	t.Helper()
	cmd := browserCommand(t, script, options)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{harness.Start(t, cmd), stdin}
	b.Ready(t, func() bool { return strings.HasSuffix(b.Stdout.String(), "\n") })
	if err := json.Unmarshal([]byte(b.Stdout.String()), seen); err != nil {
		t.Fatalf("the report of %s: %v", script, err)
	}
	return b
}

// end closes the pages.
func (b *browser) end(t *testing.T) {
	t.Helper()
	b.stdin.Close()
	b.Wait(t, harness.Patience)
	if b.Err != nil {
		t.Errorf("the browser's script ended with: got %v, want exit code 0", b.Err)
	}
}

// seenByPage is what browser/send.mjs prints.
type seenByPage struct {
	JQuery                                any // the status, or why there is none
	Fetch, ZippedBatch, BadValue, NoToken struct {
		Status int
		Body   string
	}
	Beacons []bool // whether the browser took each
}

func TestBrowserPageOnAnotherOriginSendsMetrics(t *testing.T) {
	statsd := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--jwt-secret=somesecret", "--verbose")

	var seen seenByPage
	browser := startBrowser(t, "send.mjs", &seen, map[string]any{
		"page":  startPage(t),
		"proxy": proxy.url,
		"token": newToken(t, "somesecret"),
	})

	if seen.JQuery != 200.0 {
		t.Errorf("status of the jQuery call: got %v, want 200", seen.JQuery)
	}
	if seen.Fetch.Status != 200 || seen.Fetch.Body != "" {
		t.Errorf("fetch: got %+v, want 200 and no body", seen.Fetch)
	}
	if want := `{"accepted":2,"rejected":[]}`; seen.ZippedBatch.Status != 200 || seen.ZippedBatch.Body != want {
		t.Errorf("fetch of a compressed batch: got %+v, want 200 and %s", seen.ZippedBatch, want)
	}
	if want := []bool{true, true, true, true, true}; !reflect.DeepEqual(seen.Beacons, want) {
		t.Errorf("beacons that the browser took: got %v, want %v", seen.Beacons, want)
	}
	// The page may read why it was refused.
	for _, refused := range []struct {
		name, body  string
		status, got int
		names       string
	}{
		{"a bad value", seen.BadValue.Body, 400, seen.BadValue.Status, "value"},
		{"no token", seen.NoToken.Body, 401, seen.NoToken.Status, "token"},
	} {
		var answer struct{ Error string }
		err := json.Unmarshal([]byte(refused.body), &answer)
		if refused.got != refused.status || err != nil || !strings.Contains(answer.Error, refused.names) {
			t.Errorf("fetch with %s: got %d %q, want %d and an error that names the %s",
				refused.name, refused.got, refused.body, refused.status, refused.names)
		}
	}

	want := map[string]float64{
		"some.key.name": 100500,
		"fetch":         10,
		"beacon.string": 11,
		"beacon.params": 12,
		"beacon.form":   13,
		"beacon.blob":   14,
		"zipped.one":    15,
		"zipped.two":    16,
		"beacon.one":    17,
		"beacon.two":    18,
	}
	if got := statsd.waitFor(t, len(want)).Counters; !reflect.DeepEqual(got, want) {
		t.Errorf("StatsD has counted\ngot  %v\nwant %v", got, want)
	}
	browser.end(t)
}
