package http

import (
	"slices"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

func TestLineArrivesWithin100Milliseconds(t *testing.T) {
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	// A busy machine may delay some of the lines, so 98 of 100 have to be in time.
	const lines, inTime, limit = 100, 98, 100 * time.Millisecond
	var delays []time.Duration // from the response to the line's arrival
	for i := range lines {
		proxy.MustSend(t, "/count/some.key", `{"value": 1}`)
		accepted := time.Now()
		statsd.WaitForCount(t, i+1)
		delays = append(delays, time.Since(accepted))
	}
	slices.Sort(delays)
	t.Logf("time from the response to StatsD: median %s, 98 %% within %s, at most %s", delays[lines/2], delays[inTime-1], delays[lines-1])
	if got := delays[inTime-1]; got > limit {
		t.Errorf("time from the response to StatsD: got %s for 98 %% of the lines, want at most %s", got, limit)
	}
}

func TestLinesOfOneConnectionArriveInOrder(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	var want []string
	for _, name := range strings.Fields("one two three four five six seven eight nine ten") {
		proxy.MustSend(t, "/gauge/"+name, `{"value": -1}`)
		want = append(want, name+":0|g", name+":-1|g")
	}
	statsd.MustHaveReceived(t, proxy, want...)
}

func TestLogAndAnswersContainNoToken(t *testing.T) {
	t.Parallel()
	const secret = "somesecret"
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret="+secret, "--verbose")
	good, bad := testutil.NewToken(t, secret), testutil.NewToken(t, "othersecret")

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
		status, answer := proxy.Send(t, request.path, request.body, request.header...)
		if status != request.status {
			t.Errorf("POST %.60s: got %d %s, want %d", request.path, status, answer, request.status)
		}
		if strings.Contains(answer, signature(good)) || strings.Contains(answer, signature(bad)) {
			t.Errorf("POST %.60s: the answer contains the token: got %s", request.path, answer)
		}
	}
	proxy.Stop(t)

	log := proxy.Stderr.String()
	for _, want := range []string{"header:1|c", "status=403", "status=400"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not contain %q", want)
		}
	}
	// Other tokens may have the same claims, but none has the same signature.
	for _, token := range []string{good, bad} {
		if strings.Contains(log, signature(token)) {
			t.Errorf("the log contains the signature of a token: got %s", log)
		}
	}
	if strings.Contains(log, secret) {
		t.Errorf("the log contains the secret: got %s", log)
	}
}

// signature returns the last part of a token.
func signature(token string) string {
	return token[strings.LastIndexByte(token, '.')+1:]
}
