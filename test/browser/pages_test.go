package browser

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// plainPage is a page that loads only jQuery.
const plainPage = `<!doctype html>
<title>A page that sends metrics</title>
<script src="/jquery.js"></script>
`

// servePlainPage serves plainPage. Each call serves another origin.
func servePlainPage(t *testing.T) string {
	t.Helper()
	jquery := testutil.NeedFile(t, "test/node_modules/jquery/dist/jquery.js")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(plainPage))
	})
	mux.HandleFunc("GET /jquery.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, jquery)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// clientPage is a page with the client. Its function start makes a client. The page
// keeps the errors that onError gets in reported, but it only counts errors of the kind
// retry.
const clientPage = `<!doctype html>
<title>A page with the client</title>
<h1>A page with the client</h1>
<script type="module">
import { StatsD } from '/client/dist/index.js';
window.reported = [];
window.retried = 0;
const onError = ({ kind, message }) => {
  kind === 'retry' ? window.retried++ : reported.push(kind + ': ' + message);
};
window.start = (options) => {
  window.statsd = new StatsD({ onError, ...options });
};
window.ready = true;
</script>
`

// serveClient serves html as / and the client's files under /client/. Each call serves
// another origin.
func serveClient(t testing.TB, html string) (url string) {
	t.Helper()
	testutil.NeedFile(t, "client/dist/index.js")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, html)
	})
	mux.Handle("GET /client/", http.StripPrefix("/client/", http.FileServer(http.Dir(testutil.Path("client")))))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// openClient opens a page with a client in its variable statsd. options is a JavaScript
// object.
func openClient(t *testing.T, c *testutil.Chromium, options string) *testutil.Tab {
	t.Helper()
	page := c.Open(t, serveClient(t, clientPage))
	page.RunUntil(t, "the client", `return !!window.ready`)
	page.Run(t, nil, `start(`+options+`)`)
	return page
}

// mustHaveReported fails the test unless onError has got these errors in this order.
// It compares only a part of each error.
func mustHaveReported(t *testing.T, page *testutil.Tab, want ...string) {
	t.Helper()
	var reported []string
	page.Run(t, &reported, `return reported`)
	if len(reported) != len(want) {
		t.Errorf("errors that onError got: %q, want %q", reported, want)
		return
	}
	for i := range reported {
		if !strings.Contains(reported[i], want[i]) {
			t.Errorf("errors that onError got: %q, want errors that contain %q", reported, want)
		}
	}
}
