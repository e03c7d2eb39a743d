package browser

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

	"statsd-http-proxy/internal/testutil"
)

// recorder forwards requests of pages to a proxy and records them.
type recorder struct {
	url string

	// If the recorder holds requests back, it sends to held for each request, then it
	// receives from released before it forwards the request. Otherwise both are nil.
	held, released chan struct{}

	mu    sync.Mutex
	calls []call // in the order of their responses
}

// call is a request with its response.
type call struct {
	method, body string
	query        url.Values
	began, ended time.Time

	status int
	header http.Header // of the response
}

// startRecorder starts a recorder that forwards requests to p at once. If p does not
// answer, the recorder closes the connection of the page.
func startRecorder(t *testing.T, p *testutil.Proxy) *recorder {
	t.Helper()
	return (&recorder{}).start(t, p)
}

// startHoldingRecorder starts a recorder that holds requests back.
func startHoldingRecorder(t *testing.T, p *testutil.Proxy) *recorder {
	t.Helper()
	return (&recorder{held: make(chan struct{}), released: make(chan struct{})}).start(t, p)
}

func (r *recorder) start(t *testing.T, p *testutil.Proxy) *recorder {
	t.Helper()
	target, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler)
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		c := call{method: request.Method, query: request.URL.Query(), began: time.Now()}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		c.body = string(body)
		request.Body = io.NopCloser(bytes.NewReader(body))
		if r.released != nil && !r.wait(request.Context()) {
			return
		}
		response := &statusRecorder{ResponseWriter: w}
		defer func() {
			c.status, c.header, c.ended = response.status, response.Header().Clone(), time.Now()
			r.mu.Lock()
			r.calls = append(r.calls, c)
			r.mu.Unlock()
		}()
		forward.ServeHTTP(response, request)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// wait holds a request back and reports whether the recorder may forward it. It returns
// false if the page has canceled the request.
func (r *recorder) wait(ctx context.Context) bool {
	select {
	case r.held <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	select {
	case <-r.released:
		return true
	case <-ctx.Done():
		return false
	}
}

// waitHeld waits until the recorder holds another request back.
func (r *recorder) waitHeld(t *testing.T) {
	t.Helper()
	select {
	case <-r.held:
	case <-time.After(testutil.Patience):
		t.Fatalf("no request has come within %s", testutil.Patience)
	}
}

// release forwards one request that the recorder holds back.
func (r *recorder) release(t *testing.T) {
	t.Helper()
	select {
	case r.released <- struct{}{}:
	case <-time.After(testutil.Patience):
		t.Fatalf("the recorder has held no request back within %s", testutil.Patience)
	}
}

// recorded returns the calls so far.
func (r *recorder) recorded() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// statuses returns the statuses of the responses so far.
func (r *recorder) statuses() []int {
	var statuses []int
	for _, c := range r.recorded() {
		statuses = append(statuses, c.status)
	}
	return statuses
}

// mustHaveNoPreflight fails the test if a page has sent a CORS preflight.
func (r *recorder) mustHaveNoPreflight(t *testing.T) {
	t.Helper()
	for _, c := range r.recorded() {
		if c.method != http.MethodPost {
			t.Errorf("the page has sent a %s request, want POST only", c.method)
		}
	}
}

// statusRecorder is a ResponseWriter that keeps the status.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}
