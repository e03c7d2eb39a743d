package server

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"

	"statsd-http-proxy/internal/metric"
)

func TestMetricsAreForwarded(t *testing.T) {
	p := start(t)
	f := func(target, body, want string, headers ...string) {
		t.Helper()
		p.forwards("POST "+target+" "+body, p.do("POST", target, body, headers...), want)
	}
	const (
		asJSON  = "Content-Type: application/json"
		asForm  = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"
		asPlain = "Content-Type: Text/Plain;charset=utf-8"
	)
	// The body alone tells whether it is JSON, whatever its type says.
	for _, declared := range []string{asJSON, asForm, asPlain, "Content-Type: ", "Content-Type: ; charset=utf-8", "X-None: 1"} {
		f("/count/some.key", `{"value": 5, "tags": {"env": "prod"}}`, "some.key,env=prod:5|c", declared)
		f("/count/some.key", "value=5&tags=env%3Dprod", "some.key,env=prod:5|c", declared)
	}
	f("/count/k", "", "k:0|c")
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
	p := start(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, text := range map[string]string{"value": "5", "tags": "env=prod"} {
		if err := form.WriteField(name, text); err != nil {
			t.Fatal(err)
		}
	}
	form.Close()
	p.forwards("multipart", p.do("POST", "/count/k", body.String(), "Content-Type: "+form.FormDataContentType()), "k,env=prod:5|c")
}

func TestChunkedBodyIsForwarded(t *testing.T) {
	p := start(t)
	const head = "POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	p.forwards("chunks", p.raw("POST", head+"3\r\nval\r\n4\r\nue=5\r\n0\r\n\r\n"), "k:5|c")
	p.forwards("no chunk", p.raw("POST", head+"0\r\n\r\n"), "k:0|c")
}

func TestPrefixIsPutBeforeEachName(t *testing.T) {
	p := start(t, with(t, metric.Options{Prefix: "prefix.subprefix"}))
	p.forwards("prefix", p.do("POST", "/gauge/some.key", "value=-1"), "prefix.subprefix.some.key:0|g\nprefix.subprefix.some.key:-1|g")
}

func TestRequestsOfAConnectionKeepTheirOrder(t *testing.T) {
	p := start(t)
	var pipeline strings.Builder
	var want []string
	for i := range 100 {
		body := fmt.Sprintf("value=%d", i)
		fmt.Fprintf(&pipeline, "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		want = append(want, fmt.Sprintf("k:%d|c", i))
	}
	pipeline.WriteString("GET /heartbeat HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	conn := p.dial()
	p.forwards("pipeline", p.roundTrip(conn, "POST", pipeline.String()), p.waitFor(len(want), want)...)
}

// waitFor waits until count metrics were sent, and puts them back.
func (p *proxy) waitFor(count int, want []string) []string {
	p.t.Helper()
	poll(p.t, func() bool {
		p.sink.mu.Lock()
		defer p.sink.mu.Unlock()
		return len(p.sink.sent) >= count || count > 0 && len(p.sink.sent) == 0
	})
	return want
}

// TestSamplingLetsAFractionThrough counts 4,000 tries at the rate 0.25: some
// 1,000 get through, with a standard deviation of 27.
func TestSamplingLetsAFractionThrough(t *testing.T) {
	p := start(t)
	const tries = 4000
	conn := p.dial()
	const body = "value=1&sampleRate=0.25"
	request := fmt.Sprintf("POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	reader := newReader(conn)
	for range tries {
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		if a := p.read(reader, "POST"); a.status != 200 || a.body != "" {
			t.Fatalf("got %d %s", a.status, a.body)
		}
	}
	sent := p.sink.take()
	if len(sent) < 700 || len(sent) > 1300 {
		t.Errorf("%d of %d were forwarded, want about 1,000", len(sent), tries)
	}
	for _, line := range sent {
		if line != "k:1|c|@0.25" {
			t.Fatalf("sent %q", line)
		}
	}
}
