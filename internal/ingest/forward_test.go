package ingest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"mime/multipart"
	"testing"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/proxytest"
)

func TestMetricsAreForwarded(t *testing.T) {
	p := proxytest.Start(t)
	f := func(target, body, want string, headers ...string) {
		t.Helper()
		p.Forwards("POST "+target+" "+body, p.Do("POST", target, body, headers...), want)
	}
	const (
		asJSON  = "Content-Type: application/json"
		asForm  = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"
		asPlain = "Content-Type: Text/Plain;charset=utf-8"
		asBytes = "Content-Type: application/octet-stream"
	)
	// The body itself shows whether it is JSON, whatever its type is.
	for _, declared := range []string{asJSON, asForm, asPlain, asBytes, "Content-Type: ", "Content-Type: ; charset=utf-8", "X-None: 1"} {
		f("/count/some.key", `{"value": 5, "tags": {"env": "prod"}}`, "some.key,env=prod:5|c", declared)
		f("/count/some.key", "value=5&tags=env%3Dprod", "some.key,env=prod:5|c", declared)
	}
	f("/count/k", "", "k:0|c")
	f("/count/k?value=1", "", "k:1|c", asBytes)
	f("/count/k?value=1", "", "k:1|c", "Content-Type: text/xml") // it has no body
	f("/count/k?value=5&tags=a%3Db&token=x", "", "k,a=b:5|c")
	f("/count/k?", "", "k:0|c")
	f("/count/k?tags=a%3Db&token=x", "value=5", "k,a=b:5|c")
	f("/gauge/k", "value=-5", "k:0|g\nk:-5|g")
	f("/gauge/k", "shift=-5", "k:-5|g")
	f("/gauge/k", "shift=+5", "k:+5|g")
	f("/timing/k", `{"time": "320"}`, "k:320|ms")
	f("/set/k", "value=alice", "k:alice|s")
	f("/count/k", "value=1&sampleRate=1.0", "k:1|c", "Content-Encoding: identity")

	f("/count/a/b/c", "value=1", "a/b/c:1|c")
	f("/count/a%2Fb%20c%C3%A9", "value=1", "a/b_cé:1|c")
	f("/count/%2561", "value=1", "%61:1|c") // decoded once
	f("/count/a+b", "value=1", "a+b:1|c")
	f("http://elsewhere/count/k", "value=1", "k:1|c")
	f("https://elsewhere:8080/count/k?value=2", "", "k:2|c")
	f("/count/heartbeat", "", "heartbeat:0|c")
}

func TestFormDataIsForwarded(t *testing.T) {
	p := proxytest.Start(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, text := range map[string]string{"value": "5", "tags": "env=prod"} {
		if err := form.WriteField(name, text); err != nil {
			t.Fatal(err)
		}
	}
	form.Close()
	p.Forwards("multipart", p.Do("POST", "/count/k", body.String(), "Content-Type: "+form.FormDataContentType()), "k,env=prod:5|c")
}

func TestEachNameGetsThePrefix(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithMetrics(t, metric.Options{Prefix: "prefix.subprefix"}))
	p.Forwards("prefix", p.Do("POST", "/gauge/some.key", "value=-1"), "prefix.subprefix.some.key:0|g\nprefix.subprefix.some.key:-1|g")
}

// TestSamplingForwardsAFraction sends 4,000 metrics with the rate 0.25. About 1,000 are
// forwarded, with a standard deviation of 27.
func TestSamplingForwardsAFraction(t *testing.T) {
	p := proxytest.Start(t)
	const tries = 4000
	conn := p.Dial()
	const body = "value=1&sampleRate=0.25"
	request := fmt.Sprintf("POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	reader := bufio.NewReader(conn)
	for range tries {
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		if a := p.Read(reader, "POST"); a.Status != 200 || a.Body != "" {
			t.Fatalf("got %d %s", a.Status, a.Body)
		}
	}
	sent := p.Sink.Take()
	if len(sent) < 700 || len(sent) > 1300 {
		t.Errorf("%d of %d were forwarded, want about 1,000", len(sent), tries)
	}
	for _, line := range sent {
		if line != "k:1|c|@0.25" {
			t.Fatalf("sent %q", line)
		}
	}
}

func TestNameMayBeInTheBody(t *testing.T) {
	p := proxytest.Start(t)
	p.Forwards("JSON", p.Do("POST", "/count", `{"metric":"a b","value":1}`), "a_b:1|c")
	p.Forwards("JSON", p.Do("POST", "/gauge", `{"name":"a","shift":-1}`), "a:-1|g")
	p.Forwards("form", p.Do("POST", "/set", `metric=a&value=x`), "a:x|s")
	p.Forwards("query", p.Do("POST", "/timing?metric=a&time=3", ""), "a:3|ms")
}

func TestHistogramsAreARoute(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithMetrics(t, metric.Options{Histograms: true, TagFormat: "dogstatsd"}))
	p.Forwards("histogram", p.Do("POST", "/histogram/k", "value=1&tags=a%3Db"), "k:1|h|#a:b")
	p.Forwards("distribution", p.Do("POST", "/distribution", `{"metric":"k","value":-1}`), "k:-1|d")
	p.Forwards("time", p.Do("POST", "/histogram/k", `{"time":320}`), "k:320|h")
	p.Forwards("default", p.Do("POST", "/distribution/k", ""), "k:0|d")
	p.Rejects("unknown", p.Do("POST", "/nope/k", ""), 404, "count, gauge, timing, set, histogram and distribution")
}
