package ingest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/sender"
)

// postBatch posts a batch and checks the response and the lines that were sent.
func postBatch(p *proxytest.Proxy, body string, status int, response string, want ...string) {
	p.T.Helper()
	a := p.Do("POST", "/batch", body)
	if a.Status != status || a.Body != response || a.Header.Get("Content-Type") != "application/json" {
		p.T.Errorf("the batch %.100q: got %d %s %s, want %d %s", body, a.Status, a.Header.Get("Content-Type"), a.Body, status, response)
	}
	if sent := p.Sink.Take(); !slices.Equal(sent, want) {
		p.T.Errorf("the batch %.100q: sent %q, want %q", body, sent, want)
	}
}

func TestBatchesAreForwarded(t *testing.T) {
	p := proxytest.Start(t)
	postBatch(p, `[{"metric": "some.key", "metric_type": "count", "value": 1, "tags": "env=prod", "sampleRate": 1}]`,
		200, `{"accepted":1,"rejected":[]}`, "some.key,env=prod:1|c")
	postBatch(p, `[{"name":"a","type":"gauge","value":-5},{"metric":"b b","metric_type":"set","value":"x"},{"metric":"c","metric_type":"gauge","shift":1}]`,
		200, `{"accepted":3,"rejected":[]}`, "a:0|g\na:-5|g", "b_b:x|s", "c:+1|g")
	postBatch(p, "a:1|c|@0.5\r\n\nb;env=prod:-5|g\nc:1:2|ms|#env:prod\n",
		200, `{"accepted":3,"rejected":[]}`, "a:1|c|@0.5", "b,env=prod:-5|g", "c,env=prod:1|ms", "c,env=prod:2|ms")
	postBatch(p, "a:1|c\nb:x|c\n\nc:1|c\nd:1|h",
		200, `{"accepted":2,"rejected":[{"index":1,"error":"parameter \"value\": \"x\" is not a number"},{"index":3,"error":"the type histogram is not enabled here"}]}`,
		"a:1|c", "c:1|c")
	postBatch(p, "a:0|g|#x:1,y:2\na:-5|g|#y:2,x:1\nb,y=2,x=1:-5|g", 200, `{"accepted":3,"rejected":[]}`, "a,x=1,y=2:0|g\na,x=1,y=2:-5|g", "b,x=1,y=2:-5|g")
	postBatch(p, `[{"metric":"a","metric_type":"count"},{"metric":"b:b","metric_type":"count"},7]`,
		200, `{"accepted":1,"rejected":[{"index":1,"error":"name \"b:b\" contains the reserved character ':'"},{"index":2,"error":"the entry is not an object"}]}`,
		"a:0|c")
	// All values of a line are sent, or none.
	postBatch(p, "a:1:2:x|ms", 400, `{"accepted":0,"rejected":[{"index":0,"error":"parameter \"value\": \"x\" is not a number"}]}`)
	postBatch(p, "a:1|c", 200, `{"accepted":1,"rejected":[]}`, "a:1|c")
}

func TestBadBatchesSendNothing(t *testing.T) {
	p := proxytest.Start(t)
	f := func(body, message string) {
		t.Helper()
		p.Rejects(body, p.Do("POST", "/batch", body), 400, message)
	}
	f("", "the batch is empty")
	f("\n \n", "the batch is empty")
	f("[]", "the batch is empty")
	f(`[{"metric":"a","metric_type":"count"},`, "breaks off")
	f(`[{"metric":"a","metric_type":"count"}] x`, "something follows")
	f(`{"metric":"a","metric_type":"count"}`+"\n"+`{"metric":"b","metric_type":"count"}`, "send an array")
	f(compress(t, "a:1|c", openGzip), "Content-Encoding: gzip")
	p.Rejects("query", p.Do("POST", "/batch?value=1", "a:1|c"), 400, `unknown parameter "value"`)
	postBatch(p, `{"metric":"a","metric_type":"count"}`, 200, `{"accepted":1,"rejected":[]}`, "a:0|c")
}

// TestLostLineFeedsAreHintedAt sends lines without the line feeds between them.
func TestLostLineFeedsAreHintedAt(t *testing.T) {
	p := proxytest.Start(t)
	for body, wantHint := range map[string]bool{
		"a:1|cb:2|c": true, "a:1|ms|@0.5b:2|c": true, "a:1|c|#env:prodb:2|g": true, "a:1|sc:2|s|#x:y": true,
		"a:x|c": false, "a:1|x": false, "a": false, "a:1|c|#env:prod|y": false, "a:1|cb:2|c\n": false, "a:1|cb:2|c\nc:1|x": false, `{"metric":"a:1|cb:2|c"}`: false,
	} {
		a := p.Do("POST", "/batch", body)
		if hasHint := strings.Contains(a.Body, "--data-binary"); a.Status != 400 || hasHint != wantHint {
			t.Errorf("%q: got %d %s", body, a.Status, a.Body)
		}
	}
}

func TestBatchListsTheFirst20Errors(t *testing.T) {
	p := proxytest.Start(t)
	body := "good:1|c\n" + strings.Repeat("bad\n", 100) + "good:2|c\n"
	a := p.Do("POST", "/batch", body)
	var answer struct {
		Accepted int
		Rejected []struct {
			Index int
			Error string
		}
	}
	if err := json.Unmarshal([]byte(a.Body), &answer); err != nil || a.Status != 200 {
		t.Fatalf("got %d %s: %v", a.Status, a.Body, err)
	}
	if answer.Accepted != 2 || len(answer.Rejected) != 20 || answer.Rejected[0].Index != 1 || answer.Rejected[19].Index != 20 {
		t.Errorf("got %s", a.Body)
	}
	if sent := p.Sink.Take(); !slices.Equal(sent, []string{"good:1|c", "good:2|c"}) {
		t.Errorf("sent %q", sent)
	}
}

func TestBatchOf10000EntriesKeepsItsOrder(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithMetrics(t, metric.Options{Prefix: "pre"}))
	var lines, array []string
	var want []string
	for i := range 10_000 {
		lines = append(lines, fmt.Sprintf("some.key.%d:%d|c", i, i))
		array = append(array, fmt.Sprintf(`{"metric":"some.key.%d","metric_type":"count","value":%d}`, i, i))
		want = append(want, "pre."+lines[i])
	}
	postBatch(p, strings.Join(lines, "\n"), 200, `{"accepted":10000,"rejected":[]}`, want...)
	postBatch(p, "["+strings.Join(array, ",")+"]", 200, `{"accepted":10000,"rejected":[]}`, want...)
}

// TestLinesOfABatchAreBounded has a prefix make lines of 128 bytes, with the line feed, of
// short entries. They may take 16 MiB.
func TestLinesOfABatchAreBounded(t *testing.T) {
	const most = 16 << 20 / 128
	p := proxytest.Start(t, proxytest.WithMetrics(t, metric.Options{Prefix: strings.Repeat("p", 128-len(".k:1|c\n"))}))
	a := p.Do("POST", "/batch", strings.Repeat("k:1|c\n", most))
	if sent := len(p.Sink.Take()); a.Status != 200 || sent != most {
		t.Errorf("%d entries: got %d %s and sent %d", most, a.Status, a.Body, sent)
	}
	p.Rejects("one more", p.Do("POST", "/batch", strings.Repeat("k:1|c\n", most+1)), 413, "more than 16777216 bytes: send it in parts")
}

// TestLinesOfALineAreBounded sends one line of which each value becomes a line with a long
// name.
func TestLinesOfALineAreBounded(t *testing.T) {
	p := proxytest.Start(t)
	name := strings.Repeat("k", 200)
	const fits = 8 // 218 bytes become 1639; 9 values would be 220 and 1844
	if a := p.Do("POST", "/batch", name+strings.Repeat(":1", fits)+"|c"); a.Status != 200 || len(p.Sink.Take()) != fits {
		t.Errorf("%d values: got %d %s", fits, a.Status, a.Body)
	}
	a := p.Do("POST", "/batch", name+strings.Repeat(":1", fits+1)+"|c")
	if sent := p.Sink.Take(); a.Status != 400 || !strings.Contains(a.Body, "lines of more than 8 times its length") || sent != nil {
		t.Errorf("%d values: got %d %s and sent %d groups", fits+1, a.Status, a.Body, len(sent))
	}
}

func TestBatchMeetsAFullQueue(t *testing.T) {
	p := proxytest.Start(t)
	p.Sink.Fail(errors.New("the send queue is full"))
	p.Rejects("batch", p.Do("POST", "/batch", "a:1|c"), 503, "the send queue is full")
	p.Sink.Fail(sender.ErrTooLarge)
	p.Rejects("one that never fits", p.Do("POST", "/batch", "a:1|c"), 413, "send them in parts")
}

func TestSamplingAppliesToJSONButNotToLines(t *testing.T) {
	p := proxytest.Start(t)
	const entry = `{"metric":"k","metric_type":"count","value":1,"sampleRate":0.25}`
	a := p.Do("POST", "/batch", "["+entry+strings.Repeat(","+entry, 3999)+"]")
	if sent := len(p.Sink.Take()); a.Body != `{"accepted":4000,"rejected":[]}` || sent < 700 || sent > 1300 {
		t.Errorf("%s, but %d of 4,000 were sent, want about 1,000", a.Body, sent)
	}
	a = p.Do("POST", "/batch", strings.Repeat("k:1|c|@0.25\n", 4000))
	if sent := len(p.Sink.Take()); a.Body != `{"accepted":4000,"rejected":[]}` || sent != 4000 {
		t.Errorf("%s, but %d of 4,000 lines were sent", a.Body, sent)
	}
}

// TestUnlistedErrorsAreTheSame sends lines alone and after so many bad ones that the
// response lists no more errors. In both cases the same lines are accepted.
func TestUnlistedErrorsAreTheSame(t *testing.T) {
	lines := []string{
		"bad", "bad\r", " bad", "bad ", "a:1", "a:1|", "a:|c", "a:x|c", "a:1x|c", "a:1:x|c", "a:1|x", "a:1|cc", "a:1|C", "a:1|c ", "a:1|c\r", "a:1|c\t\r", "a: 1 |c", "a:\u00a01|c", "a:1e3|c", "a:.5|c",
		"a:-|c", "a:1|c|@0.5", "a:1|c|@x", "a:1|c|y", "a:1|c:2|c", "a:1|c:x|c", "a:x|s", "a:|s", "a:x:y|s", "a:1|h", "a:1|d", "a:1|ms", "a:-1|ms", "a:+1|g", "a:x|g", "a:1|s|@0.5",
		":1|c", "|", "a|b:1|c", "a=b:1|c", "a#b:1|c", "a@b:1|c", "a/b:1|c", "a[b:1|c", "a\u00e9:1|c", "a\x00:1|c", "a\xff:1|c", "constructor:1|c", "a b:1|c", ".a:1|c",
		"a,:1|c", "a,,:1|c", "a,b:1|c", "a,b=:1|c", "a,b=c:1|c", "a,b=c,:1|c", "a,=c:1|c", "a,b=c,b=d:1|c", "a,b=,b=d:1|c", "a,b=c,d=e:1|c", "a,b=c,d:1|c", "a,b=c|d:1|c", "a,b=c=d:1|c", "a,b=c#d:1|c",
		"a,b=c;d:1|c", "a,b=c d:1|c", "a,b=c:x|c", "a,b=c:1|x", "a,b=c", "a,__b=c:1|c", "a,le=c:1|c", "a,host=c:1|c", "a,B=c,b=c:1|c", "a,b=[c:1|c", "a,b=c\r", "a,b=c,b=c:1|c",
		"a;b=c:1|c", "a;b:1|c", "a;b=c", "a:1|c|#b:c", "a:1|c|#b", "a:1|c|#b:c,b:d", "a::1|c", "a:1::2|c", "a:1||", "a:1|c||", "a\r:1|c", "a:1\r|c", "a:1|\r",
	}
	bad := strings.Repeat("bad\n", ingest.MaxRejections)
	for _, options := range []metric.Options{
		{}, {Histograms: true, Prefix: "p", NameFormat: "prometheus"}, {Flavor: metric.FlavorEtsy, Lowercase: true}, {Flavor: metric.FlavorTelegraf}, {Flavor: metric.FlavorStatsDExporter},
		{Flavor: metric.FlavorGostatsd}, {Flavor: metric.FlavorDatadog}, {TagFormat: "graphite"}, {TagFormat: "signalfx", Tags: []metric.Tag{{Key: []byte("x"), Value: []byte("y")}}},
	} {
		p := proxytest.Start(t, proxytest.WithMetrics(t, options))
		for _, line := range lines {
			p.Do("POST", "/batch", line)
			alone := p.Sink.Take()
			p.Do("POST", "/batch", bad+line)
			if after := p.Sink.Take(); !slices.Equal(alone, after) {
				t.Errorf("%+v: the line %q sends %q alone and %q after bad lines", options, line, alone, after)
			}
			a := p.Do("POST", "/batch", bad+line+"\ngood:1|c")
			if after := p.Sink.Take(); len(after) != len(alone)+1 || a.Status != 200 {
				t.Errorf("%+v: after the line %q, a good one is lost: %q", options, line, after)
			}
		}
	}
}
