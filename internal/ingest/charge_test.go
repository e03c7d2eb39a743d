package ingest

import (
	"runtime"
	"strings"
	"testing"
)

// TestRetryAfterCoversWhatIsLeft has a client with three of five tokens used send a metric
// or a batch that needs more than the other two. A batch may need a whole burst: the proxy
// does not read its rest.
func TestRetryAfterCoversWhatIsLeft(t *testing.T) {
	f := func(line, body, want string) {
		t.Helper()
		h, _ := newHandler(t, func(o *Options) { o.RateLimit, o.RateBurst = 0.001, 5 })
		if status, response := send(t, h, "POST /batch", strings.Repeat("k:1|c\n", 3)); status != 200 {
			t.Fatalf("got %d %s", status, response)
		}
		x, _ := begin(t, h, line, "Transfer-Encoding: chunked")
		x.Body, x.BodyReceived = []byte(body), len(body)
		h.Serve(x)
		if x.Response.Status != 429 || x.Response.Header != "Retry-After" || x.Response.Value != want {
			t.Errorf("%s %q: got %d with %s: %s, want %s", line, body, x.Response.Status, x.Response.Header, x.Response.Value, want)
		}
	}
	f("POST /batch", strings.Repeat("k:1|c\n", 3), "5000")
	f("POST /batch", strings.Repeat("k:1|c\n", 9), "5000")
	f("POST /timing/k", "value=1&sampleRate=0.25", "4000")
	f("POST /timing/k", "value=1&sampleRate=0.2", "5000")
}

// TestLargeBodiesLeaveAProcessor checks how many of them are worked on at once.
func TestLargeBodiesLeaveAProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for processors, want := range map[int]int{1: 1, 2: 1, 3: 2, 8: 7} {
		runtime.GOMAXPROCS(processors)
		if h, _ := newHandler(t); cap(h.largeBodies) != want {
			t.Errorf("with %d processors, %d large bodies are worked on at once, want %d", processors, cap(h.largeBodies), want)
		}
	}
}
