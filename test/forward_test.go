package test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/test/harness"
)

func TestLineLeavesSoonAfterItsRequest(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port)
	// The machine may be slow at any one time, so the best time counts.
	const limit = 100 * time.Millisecond
	best := time.Hour
	for range 10 {
		before := len(statsd.received())
		sent := time.Now()
		proxy.mustSend(t, "/count/some.key", `{"value": 1}`)
		harness.Eventually(t, "the line", func() bool { return len(statsd.received()) > before })
		best = min(best, time.Since(sent))
	}
	if best > limit {
		t.Errorf("from request to StatsD: got %s at best, want at most %s", best, limit)
	}
}

func TestLinesOfOneConnectionArriveInOrder(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port)
	var want []string
	for _, name := range strings.Fields("one two three four five six seven eight nine ten") {
		proxy.mustSend(t, "/gauge/"+name, `{"value": -1}`)
		want = append(want, name+":0|g", name+":-1|g")
	}
	proxy.Stop(t)
	if got := statsd.all(t); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
	}
}

func TestDemoPrintsWhatStatsDReceives(t *testing.T) {
	proxy := startProxy(t, "--demo")
	proxy.mustSend(t, "/count/some.key", `{"value": 1, "tags": "env=prod"}`)
	proxy.mustSend(t, "/gauge/level", `{"value": -2}`)
	want := regexp.MustCompile(`^(\d\d:\d\d:\d\d\.\d{3} )some\.key,env=prod:1\|c
(\d\d:\d\d:\d\d\.\d{3} )level:0\|g
(\d\d:\d\d:\d\d\.\d{3} )level:-2\|g
$`)
	harness.Eventually(t, "three lines on standard output", func() bool {
		return strings.Count(proxy.Stdout.String(), "\n") >= 3
	})
	proxy.Stop(t)
	if got := proxy.Stdout.String(); !want.MatchString(got) {
		t.Errorf("standard output: got %q, want a match of %s", got, want)
	}
}

func TestTokenNeverAppearsInTheLog(t *testing.T) {
	const secret = "somesecret"
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--jwt-secret="+secret, "--verbose")
	good, bad := newToken(t, secret), newToken(t, "othersecret")

	const body = `{"value": 1}`
	for _, request := range []struct {
		path, body string
		header     []string
		status     int
	}{
		{"/count/header", body, []string{"X-JWT-Token", good}, 200},
		{"/count/bearer", body, []string{"Authorization", "Bearer " + good}, 200},
		{"/count/query?token=" + good, body, nil, 200},
		{"/count/query.only?value=1&token=" + good, "", nil, 200},
		{"/count/header", body, []string{"X-JWT-Token", bad}, 403},
		{"/count/bearer", body, []string{"Authorization", "Bearer " + bad}, 403},
		{"/count/query?token=" + bad, body, nil, 403},
		{"/count/header", body, []string{"X-JWT-Token", good + "."}, 403},
		{"/count/bearer", body, []string{"Authorization", good}, 401},
		{"/count/value?token=" + good, "value=x", nil, 400},
		{"/count/value?value=x&token=" + good, "", nil, 400},
		{"/count/type?token=" + good, body, []string{"Content-Type", "image/png"}, 415},
		{"/count/?token=" + good, body, nil, 400},
		{"/meter/unknown?token=" + good, body, nil, 404},
		{"/?token=" + good, body, nil, 404},
		{"/count/long?token=" + good + "&" + strings.Repeat("x", 20<<10), body, nil, 414},
	} {
		status, answer := proxy.send(t, request.path, request.body, request.header...)
		if status != request.status {
			t.Errorf("POST %.60s: got %d %s, want %d", request.path, status, answer, request.status)
		}
		if strings.Contains(answer, signature(good)) || strings.Contains(answer, signature(bad)) {
			t.Errorf("POST %.60s: the answer holds the token: got %s", request.path, answer)
		}
	}
	proxy.Stop(t)

	log := proxy.Stderr.String()
	for _, want := range []string{"header:1|c", "status=403", "status=400"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not hold %q", want)
		}
	}
	// Claims may be shared by tokens, the signature is what makes one.
	for _, token := range []string{good, bad} {
		if strings.Contains(log, signature(token)) {
			t.Errorf("the log holds the signature of a token: got %s", log)
		}
	}
	if strings.Contains(log, secret) {
		t.Errorf("the log holds the secret: got %s", log)
	}
}

// signature returns the last part of a token.
func signature(token string) string {
	return token[strings.LastIndexByte(token, '.')+1:]
}
