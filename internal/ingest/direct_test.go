package ingest

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/top"
)

// newHandler returns a Handler without a connection, with changes to its options, and its
// Sink.
func newHandler(t *testing.T, changes ...func(*Options)) (*Handler, *countingSink) {
	t.Helper()
	encoder, err := metric.NewEncoder(metric.Options{MaxLine: 1432})
	if err != nil {
		t.Fatal(err)
	}
	sink := new(countingSink)
	options := Options{MaxBody: 1 << 20, Encoder: encoder, Sink: sink, Logger: slog.New(slog.DiscardHandler)}
	for _, change := range changes {
		change(&options)
	}
	return New(options), sink
}

// begin begins a request with the given request line and header fields.
func begin(t *testing.T, h *Handler, line string, fields ...string) (x *exchange.Exchange, wantsBody bool) {
	t.Helper()
	x = exchange.Acquire(netip.MustParseAddr("192.0.2.1"))
	head := line + " HTTP/1.1\r\nHost: h\r\n" + strings.Join(append(fields, "\r\n"), "\r\n")
	if n, herr := new(http1.HeadParser).Parse([]byte(head), &x.Request); herr != nil || n == 0 {
		t.Fatalf("%q: %d, %v", head, n, herr)
	}
	return x, h.Begin(x)
}

// send sends a whole request and returns the status of the response.
func send(t *testing.T, h *Handler, line, body string, fields ...string) (status int, response string) {
	t.Helper()
	x, wantsBody := begin(t, h, line, append(fields, fmt.Sprintf("Content-Length: %d", len(body)))...)
	if wantsBody {
		x.Body, x.BodyReceived = []byte(body), len(body)
		h.Serve(x)
	}
	return x.Response.Status, string(x.Response.Body)
}

// TestDeclaredBodiesAreLimited declares bodies around the limits of the server and of a
// client with a rate.
func TestDeclaredBodiesAreLimited(t *testing.T) {
	f := func(maxBody, burst, length, wantStatus, wantMax int) {
		t.Helper()
		h, _ := newHandler(t, func(o *Options) {
			o.MaxBody = maxBody
			if burst > 0 {
				o.RateLimit, o.RateBurst = 0.001, burst
			}
		})
		x, wantsBody := begin(t, h, "POST /count/k", fmt.Sprintf("Content-Length: %d", length))
		if wantsBody != (wantStatus == 200) || x.Response.Status != wantStatus || x.MaxBody != wantMax {
			t.Errorf("a body of %d bytes: wanted: %v, status %d, at most %d, want %d, %d", length, wantsBody, x.Response.Status, x.MaxBody, wantStatus, wantMax)
		}
	}
	f(100, 0, 100, 200, 100)
	f(100, 0, 101, 413, 100)
	f(100, 3, 100, 200, 100)
	f(100, 3, 101, 413, 100)
	f(1<<20, 3, 16383, 200, 16383)
	f(1<<20, 3, 16384, 413, 16383)
}

// TestHeadsAreCharged declares bodies that need more tokens than a client has left.
func TestHeadsAreCharged(t *testing.T) {
	f := func(maxBody, used, length, wantStatus int) {
		t.Helper()
		h, _ := newHandler(t, func(o *Options) { o.MaxBody, o.RateLimit, o.RateBurst = maxBody, 0.001, 20 })
		for range used {
			if status, _ := send(t, h, "POST /count/k", "value=1"); status != 200 {
				t.Fatalf("got %d", status)
			}
		}
		if x, _ := begin(t, h, "POST /count/k", fmt.Sprintf("Content-Length: %d", length)); x.Response.Status != wantStatus {
			t.Errorf("%d tokens are left, and the body has %d bytes: got %d, want %d", 20-used, length, x.Response.Status, wantStatus)
		}
	}
	f(1<<20, 10, 40<<10, 200)
	f(1<<20, 11, 40<<10, 429)
	f(1<<20, 11, 40<<10-1, 200)
	f(40<<10, 11, 40<<10, 429) // the largest body that is read
	f(40<<10, 19, 40<<10+1, 413)
	f(1<<20, 19, 0, 200)
	f(1<<20, 20, 0, 429)
}

// TestRejectionsAreHeldBack checks how long, by the response alone.
func TestRejectionsAreHeldBack(t *testing.T) {
	h, _ := newHandler(t, func(o *Options) { o.RateLimit, o.RateBurst = 1, 1 })
	var delays []time.Duration
	for range 2 {
		x, _ := begin(t, h, "POST /count/k", "Content-Length: 7")
		delays = append(delays, x.Response.Delay)
	}
	if diff := cmp.Diff([]time.Duration{0, 100 * time.Millisecond}, delays); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPagesAnswerOtherTargets checks which requests Options.Pages gets.
func TestPagesAnswerOtherTargets(t *testing.T) {
	pages := http.NotFoundHandler()
	f := func(pages http.Handler, line string, wantStatus int, wantURL string) {
		t.Helper()
		h, _ := newHandler(t, func(o *Options) { o.Pages = pages })
		x, wantsBody := begin(t, h, line)
		gotURL := ""
		if x.Response.PageURL != nil {
			gotURL = x.Response.PageURL.String()
		}
		if wantsBody || x.Response.Status != wantStatus || (x.Response.Page != nil) != (wantURL != "") || gotURL != wantURL {
			t.Errorf("%s: status %d, page %q, want %d, %q", line, x.Response.Status, gotURL, wantStatus, wantURL)
		}
	}
	f(pages, "GET /", 200, "/")
	f(pages, "HEAD /a?b", 200, "/a?b")
	f(pages, "POST /", 404, "")
	f(pages, "PUT /a", 404, "")
	f(pages, "GET /%zz", 400, "")
	f(pages, "GET /count/k", 405, "")
	f(pages, "GET /heartbeat", 200, "")
	f(nil, "GET /", 404, "")
	f(nil, "HEAD /", 404, "")
}

// TestBatchesMayBePut sends lines as the npm package statsd-client does.
func TestBatchesMayBePut(t *testing.T) {
	h, sink := newHandler(t)
	if status, body := send(t, h, "PUT /batch", "a:1|c\nb:2|c"); status != 200 || body != `{"accepted":2,"rejected":[]}` || sink.groups != 2 {
		t.Errorf("got %d %s, and %d groups were sent", status, body, sink.groups)
	}
	if status, _ := send(t, h, "POST http://proxy", ""); status != 404 {
		t.Errorf("a target without a path: got %d", status)
	}
}

// TestLargeBodiesWait counts as many large bodies as may be worked on at once. Another one
// waits, small ones do not.
func TestLargeBodiesWait(t *testing.T) {
	f := func(what string, want bool, body string, fields ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			h, sink := newHandler(t)
			for range cap(h.largeBodies) {
				h.largeBodies <- struct{}{}
			}
			x, _ := begin(t, h, "POST /count/k", append(fields, fmt.Sprintf("Content-Length: %d", len(body)))...)
			x.Body = []byte(body)
			go h.Serve(x)
			synctest.Wait()
			if waits := sink.groups == 0; waits != want {
				t.Errorf("%s of %d bytes waits: %v", what, len(body), waits)
			}
			for range cap(h.largeBodies) {
				<-h.largeBodies
			}
			synctest.Wait()
			if x.Response.Status != 200 || sink.groups != 1 || len(h.largeBodies) > 0 {
				t.Errorf("%s of %d bytes: got %d %s, and %d bodies are large", what, len(body), x.Response.Status, x.Response.Body, len(h.largeBodies))
			}
		})
	}
	spaces := func(n int) string { return "value=1" + strings.Repeat("\n", n-len("value=1")) }
	const deflate = "Content-Encoding: deflate"
	f("a body", false, spaces(16<<10))
	f("a body", true, spaces(16<<10+1))
	f("an unpacked body", false, deflated(spaces(8<<10), 0), deflate)
	f("an unpacked body", true, deflated(spaces(40<<10), 0), deflate)
	f("a packed body", false, deflated("value=1", 4<<10/len(emptyBlock)-10), deflate)
	f("a packed body", true, deflated("value=1", 4<<10/len(emptyBlock)), deflate)
}

// emptyBlock is a block of deflate without data.
const emptyBlock = "\x00\x00\x00\xff\xff"

// deflated returns text in the content coding deflate, with empty blocks before it.
func deflated(text string, blocks int) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	fmt.Fprint(w, text)
	w.Close()
	const header = 2 // bytes
	return b.String()[:header] + strings.Repeat(emptyBlock, blocks) + b.String()[header:]
}

// TestRatioIsExact unpacks bodies of exactly 64 times their size, and of a byte more.
func TestRatioIsExact(t *testing.T) {
	h, sink := newHandler(t)
	pack := func(size, packedSize int) (packed string, ok bool) {
		text := "value=1" + strings.Repeat("\n", size-len("value=1"))
		missing := packedSize - len(deflated(text, 0))
		return deflated(text, max(0, missing/len(emptyBlock))), missing >= 0 && missing%len(emptyBlock) == 0
	}
	tested := 0
	for packedSize := 1100; packedSize < 1200 && tested < 2; packedSize++ {
		exact, isExact := pack(64*packedSize, packedSize)
		more, isMore := pack(64*packedSize+1, packedSize)
		if !isExact || !isMore {
			continue
		}
		tested++
		if status, body := send(t, h, "POST /count/k", exact, "Content-Encoding: deflate"); status != 200 || sink.groups != tested {
			t.Errorf("%d bytes that unpack to 64 times as many: got %d %s", packedSize, status, body)
		}
		if status, body := send(t, h, "POST /count/k", more, "Content-Encoding: deflate"); status != 413 || !strings.Contains(body, "64 times") {
			t.Errorf("%d bytes that unpack to a byte more: got %d %s", packedSize, status, body)
		}
	}
	if tested == 0 {
		t.Error("no size of a packed body can be made")
	}
}

// TestTopLearnsAboutRequests checks what a report says about metrics and rejections.
func TestTopLearnsAboutRequests(t *testing.T) {
	busiest := top.New()
	h, _ := newHandler(t, func(o *Options) { o.Top, o.TrustedProxies = busiest, mustParseProxies(t, "192.0.2.1") })
	const origin, from = "Origin: https://shop.example", "X-Forwarded-For: 203.0.113.9"
	send(t, h, "POST /count/k", "value=1&tags=env%3Dprod", origin)
	send(t, h, "POST /batch", "k,env=prod:1|c\nl:1|c\nbad", from)
	send(t, h, "POST /count/k", "value=x", origin)
	send(t, h, "GET /count/k", "", origin)
	got := make(map[string]map[string]uint64)
	for _, dimension := range busiest.Report(time.Now()) {
		counts := make(map[string]uint64)
		for _, count := range dimension.Counts {
			counts[count.Key] = count.Count
		}
		got[dimension.Name] = counts
	}
	want := map[string]map[string]uint64{
		"series":  {"k,env=prod": 2, "l": 1},
		"names":   {"k": 2, "l": 1},
		"clients": {"192.0.2.1": 3, "203.0.113.9": 3},
		"origins": {"https://shop.example": 3},
		"reasons": {
			`the line "bad" has no value`:                         1,
			`400 parameter "value": "x" is not a number`:          1,
			`405 method "GET" is not allowed here; allowed: POST`: 1,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func mustParseProxies(t *testing.T, networks string) limit.TrustedProxies {
	t.Helper()
	trusted, err := limit.ParseTrustedProxies(networks)
	if err != nil {
		t.Fatal(err)
	}
	return trusted
}
