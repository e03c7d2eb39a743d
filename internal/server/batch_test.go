package server

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/sender"
)

// batch posts a batch and checks its answer and what was sent.
func (p *proxy) batch(body string, status int, answer string, want ...string) {
	p.t.Helper()
	a := p.do("POST", "/batch", body)
	if a.status != status || a.body != answer || a.header.Get("Content-Type") != "application/json" {
		p.t.Errorf("the batch %.100q: got %d %s %s, want %d %s", body, a.status, a.header.Get("Content-Type"), a.body, status, answer)
	}
	if sent := p.sink.take(); !slices.Equal(sent, want) {
		p.t.Errorf("the batch %.100q: sent %q, want %q", body, sent, want)
	}
}

func TestBatchesAreForwarded(t *testing.T) {
	p := start(t)
	p.batch(`[{"metric": "some.key", "metric_type": "count", "value": 1, "tags": "env=prod", "sampleRate": 1}]`,
		200, `{"accepted":1,"rejected":[]}`, "some.key,env=prod:1|c")
	p.batch(`[{"name":"a","type":"gauge","value":-5},{"metric":"b b","metric_type":"set","value":"x"},{"metric":"c","metric_type":"gauge","shift":1}]`,
		200, `{"accepted":3,"rejected":[]}`, "a:0|g\na:-5|g", "b_b:x|s", "c:+1|g")
	p.batch("a:1|c|@0.5\r\n\nb;env=prod:-5|g\nc:1:2|ms|#env:prod\n",
		200, `{"accepted":3,"rejected":[]}`, "a:1|c|@0.5", "b,env=prod:-5|g", "c,env=prod:1|ms", "c,env=prod:2|ms")
	p.batch("a:1|c\nb:x|c\n\nc:1|c\nd:1|h",
		200, `{"accepted":2,"rejected":[{"index":1,"error":"parameter \"value\": \"x\" is not a number"},{"index":3,"error":"the type histogram is not enabled here"}]}`,
		"a:1|c", "c:1|c")
	p.batch(`[{"metric":"a","metric_type":"count"},{"metric":"b:b","metric_type":"count"},7]`,
		200, `{"accepted":1,"rejected":[{"index":1,"error":"name \"b:b\" contains the reserved character ':'"},{"index":2,"error":"the entry is not an object"}]}`,
		"a:0|c")
	// Of a line with several values, all or none are sent.
	p.batch("a:1:2:x|ms", 400, `{"accepted":0,"rejected":[{"index":0,"error":"parameter \"value\": \"x\" is not a number"}]}`)
	p.batch("a:1|c", 200, `{"accepted":1,"rejected":[]}`, "a:1|c")
}

func TestBadBatchesSendNothing(t *testing.T) {
	p := start(t)
	f := func(body, message string) {
		t.Helper()
		p.refuses(body, p.do("POST", "/batch", body), 400, message)
	}
	f("", "the batch is empty")
	f("\n \n", "the batch is empty")
	f("[]", "the batch is empty")
	f(`[{"metric":"a","metric_type":"count"},`, "breaks off")
	f(`[{"metric":"a","metric_type":"count"}] x`, "something follows")
	p.refuses("query", p.do("POST", "/batch?value=1", ""), 400, "the batch is empty")
}

func TestBatchListsTheFirst20Errors(t *testing.T) {
	p := start(t)
	body := "good:1|c\n" + strings.Repeat("bad\n", 100) + "good:2|c\n"
	a := p.do("POST", "/batch", body)
	var answer struct {
		Accepted int
		Rejected []struct {
			Index int
			Error string
		}
	}
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil || a.status != 200 {
		t.Fatalf("got %d %s: %v", a.status, a.body, err)
	}
	if answer.Accepted != 2 || len(answer.Rejected) != 20 || answer.Rejected[0].Index != 1 || answer.Rejected[19].Index != 20 {
		t.Errorf("got %s", a.body)
	}
	if sent := p.sink.take(); !slices.Equal(sent, []string{"good:1|c", "good:2|c"}) {
		t.Errorf("sent %q", sent)
	}
}

func TestBatchOf10000EntriesKeepsItsOrder(t *testing.T) {
	p := start(t, with(t, metric.Options{Prefix: "pre"}))
	var lines, array []string
	var want []string
	for i := range 10_000 {
		lines = append(lines, fmt.Sprintf("some.key.%d:%d|c", i, i))
		array = append(array, fmt.Sprintf(`{"metric":"some.key.%d","metric_type":"count","value":%d}`, i, i))
		want = append(want, "pre."+lines[i])
	}
	p.batch(strings.Join(lines, "\n"), 200, `{"accepted":10000,"rejected":[]}`, want...)
	p.batch("["+strings.Join(array, ",")+"]", 200, `{"accepted":10000,"rejected":[]}`, want...)
}

func TestBatchThatGrowsIsBounded(t *testing.T) {
	p := start(t, with(t, metric.Options{Prefix: strings.Repeat("p", 250)}))
	p.refuses("many short lines", p.do("POST", "/batch", strings.Repeat("k:1|c\n", 150_000)), 413, "send it in parts")
}

// TestLineThatGrowsIsBounded repeats a long name for each of many values.
func TestLineThatGrowsIsBounded(t *testing.T) {
	p := start(t)
	name := strings.Repeat("k", 200)
	const fits = 8 // 218 bytes become 1639; 9 values would be 220 and 1844
	if a := p.do("POST", "/batch", name+strings.Repeat(":1", fits)+"|c"); a.status != 200 || len(p.sink.take()) != fits {
		t.Errorf("%d values: got %d %s", fits, a.status, a.body)
	}
	a := p.do("POST", "/batch", name+strings.Repeat(":1", fits+1)+"|c")
	if sent := p.sink.take(); a.status != 400 || !strings.Contains(a.body, "lines of more than 8 times its length") || sent != nil {
		t.Errorf("%d values: got %d %s and sent %d groups", fits+1, a.status, a.body, len(sent))
	}
}

func TestBatchAndFullQueue(t *testing.T) {
	p := start(t)
	p.sink.fault = errors.New("the send queue is full")
	p.refuses("batch", p.do("POST", "/batch", "a:1|c"), 503, "the send queue is full")
	p.sink.fault = sender.ErrTooLarge
	p.refuses("one that never fits", p.do("POST", "/batch", "a:1|c"), 413, "send them in parts")
}

func TestSamplingHoldsForEntriesButNotForLines(t *testing.T) {
	p := start(t)
	const entry = `{"metric":"k","metric_type":"count","value":1,"sampleRate":0.25}`
	a := p.do("POST", "/batch", "["+entry+strings.Repeat(","+entry, 3999)+"]")
	if sent := len(p.sink.take()); a.body != `{"accepted":4000,"rejected":[]}` || sent < 700 || sent > 1300 {
		t.Errorf("%s, but %d of 4,000 were sent, want about 1,000", a.body, sent)
	}
	a = p.do("POST", "/batch", strings.Repeat("k:1|c|@0.25\n", 4000))
	if sent := len(p.sink.take()); a.body != `{"accepted":4000,"rejected":[]}` || sent != 4000 {
		t.Errorf("%s, but %d of 4,000 lines were sent", a.body, sent)
	}
}

func TestNameMayStandInTheBody(t *testing.T) {
	p := start(t)
	p.forwards("JSON", p.do("POST", "/count", `{"metric":"a b","value":1}`), "a_b:1|c")
	p.forwards("JSON", p.do("POST", "/gauge", `{"name":"a","shift":-1}`), "a:-1|g")
	p.forwards("form", p.do("POST", "/set", `metric=a&value=x`), "a:x|s")
	p.forwards("query", p.do("POST", "/timing?metric=a&time=3", ""), "a:3|ms")
}

func TestHistogramsAreARoute(t *testing.T) {
	p := start(t, with(t, metric.Options{Histograms: true, TagFormat: "dogstatsd"}))
	p.forwards("histogram", p.do("POST", "/histogram/k", "value=1&tags=a%3Db"), "k:1|h|#a:b")
	p.forwards("distribution", p.do("POST", "/distribution", `{"metric":"k","value":-1}`), "k:-1|d")
	p.refuses("unknown", p.do("POST", "/nope/k", ""), 404, "count, gauge, timing, set, histogram and distribution")
}

// compress returns text in a content coding.
func compress(t *testing.T, text string, open func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func openGzip(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
func openZlib(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }

func TestBodiesMayBeCompressed(t *testing.T) {
	p := start(t, func(o *Options) { o.MaxBody = 100_000 })
	for range 2 { // the second time with a used decompressor
		for name, open := range map[string]func(io.Writer) io.WriteCloser{"gzip": openGzip, "GZip": openGzip, "x-gzip": openGzip, "deflate": openZlib} {
			header := "Content-Encoding: " + name
			f := func(target, body, want string) {
				t.Helper()
				p.forwards(name+" "+body, p.do("POST", target, compress(t, body, open), header), want)
			}
			f("/count/k", "value=5", "k:5|c")
			f("/count/k", `{"value":5}`, "k:5|c")
			f("/count/k?value=7", "", "k:7|c")
			a := p.do("POST", "/batch", compress(t, "a:1|c\nb:2|c", open), header)
			if sent := p.sink.take(); a.body != `{"accepted":2,"rejected":[]}` || len(sent) != 2 {
				t.Errorf("%s: got %s, sent %q", name, a.body, sent)
			}

			padded := func(size int) string { return `{"value":1` + strings.Repeat(" ", size-11) + "}" }
			f("/count/k", padded(100_000), "k:1|c")
			p.refuses("above the limit", p.do("POST", "/count/k", compress(t, padded(100_001), open), header), 413, "100000 bytes")
			p.refuses("bomb", p.do("POST", "/count/k", compress(t, strings.Repeat("x", 2_000_000), open), header), 413, "100000 bytes")

			whole := compress(t, "value=5", open)
			p.refuses("nonsense", p.do("POST", "/count/k", "value=5", header), 400, "the body is no valid")
			p.refuses("cut short", p.do("POST", "/count/k", whole[:len(whole)-3], header), 400, "the body is no valid")
		}
	}
}
