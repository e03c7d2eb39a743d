package process

import (
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// Without --verbose the log shows what is rejected: the first request of a kind at once,
// and the sum at the stop. It shows no token.
func TestLogSumsUpRejectedRequests(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	proxy := testutil.StartProxy(t, "--statsd-port="+testutil.StartSink(t), "--jwt-secret="+secret, "--rate-limit=0.001", "--rate-burst=1")
	token, foreign := testutil.NewToken(t, secret), testutil.NewToken(t, "another secret")
	const first = `level=INFO msg="requests rejected" reason="bad token" count=1 client=127.0.0.1 example.route="POST /count/k"`
	const limited = `level=WARN msg="requests rejected" reason="rate limit" option=--rate-limit count=1 client=127.0.0.1`
	for range 5 {
		proxy.MustReject(t, "/count/k?token="+foreign, "value=1", 403, "another secret")
	}
	proxy.WaitForLog(t, first, 1)
	proxy.MustSend(t, "/count/k?token="+token, "value=1")
	for range 3 {
		proxy.MustReject(t, "/count/k?token="+token, "value=1", 429, "more metrics")
	}
	proxy.WaitForLog(t, limited, 1)
	proxy.Stop(t)
	log := proxy.Stderr.String()
	for _, want := range []string{`reason="bad token" count=4 client=127.0.0.1`, `reason="rate limit" option=--rate-limit count=2 client=127.0.0.1`} {
		if strings.Count(log, want) != 1 {
			t.Errorf("the log does not have one line with %s:\n%s", want, log)
		}
	}
	if strings.Contains(log, token) || strings.Contains(log, foreign) {
		t.Errorf("the log has a token:\n%s", log)
	}
}
