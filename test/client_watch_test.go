package test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// watch stands between pages and a proxy and keeps what they say.
type watch struct {
	url string

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
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{}
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
