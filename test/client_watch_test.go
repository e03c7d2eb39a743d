package test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/test/harness"
)

// watch stands between pages and a proxy and keeps what they say.
type watch struct {
	url string

	// held is told of each request that waits for a value of free, if there is one.
	held, free chan struct{}

	mu    sync.Mutex
	calls []call // in the order of their ends
}

// call is a request and its answer.
type call struct {
	method, body string
	query        url.Values
	began, ended time.Time

	status int
	answer http.Header
}

// startWatch passes requests on to p. Where that is away, the page's connection
// is cut.
func startWatch(t *testing.T, p *proxy) *watch {
	t.Helper()
	return (&watch{}).start(t, p)
}

// startGate is a watch that has requests wait.
func startGate(t *testing.T, p *proxy) *watch {
	t.Helper()
	return (&watch{held: make(chan struct{}), free: make(chan struct{})}).start(t, p)
}

func (w *watch) start(t *testing.T, p *proxy) *watch {
	t.Helper()
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler)
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		c := call{method: r.Method, query: r.URL.Query(), began: time.Now()}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		c.body = string(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if w.free != nil && !w.pass(r.Context()) {
			return
		}
		noted := &noting{ResponseWriter: answer}
		defer func() {
			c.status, c.answer, c.ended = noted.status, noted.Header().Clone(), time.Now()
			w.mu.Lock()
			w.calls = append(w.calls, c)
			w.mu.Unlock()
		}()
		pass.ServeHTTP(noted, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// pass waits until the request may pass, or returns false when the page has
// given it up.
func (w *watch) pass(ctx context.Context) bool {
	select {
	case w.held <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	select {
	case <-w.free:
		return true
	case <-ctx.Done():
		return false
	}
}

// waitHeld waits until another request waits.
func (w *watch) waitHeld(t *testing.T) {
	t.Helper()
	select {
	case <-w.held:
	case <-time.After(harness.Patience):
		t.Fatalf("no request has come within %s", harness.Patience)
	}
}

// open lets a request pass that waits.
func (w *watch) open(t *testing.T) {
	t.Helper()
	select {
	case w.free <- struct{}{}:
	case <-time.After(harness.Patience):
		t.Fatalf("no request has waited to pass within %s", harness.Patience)
	}
}

// seen returns the calls so far.
func (w *watch) seen() []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// statuses returns those of the calls so far.
func (w *watch) statuses() []int {
	var statuses []int
	for _, c := range w.seen() {
		statuses = append(statuses, c.status)
	}
	return statuses
}

// mustHaveNoPreflight fails the test if a page has asked for leave.
func (w *watch) mustHaveNoPreflight(t *testing.T) {
	t.Helper()
	for _, c := range w.seen() {
		if c.method != http.MethodPost {
			t.Errorf("the page has sent a %s request, want POST alone", c.method)
		}
	}
}

// noting keeps the status that is written.
type noting struct {
	http.ResponseWriter
	status int
}

func (n *noting) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}
