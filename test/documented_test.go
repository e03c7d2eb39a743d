package test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"statsd-http-proxy/test/harness"
)

// The documented calls, word for word.
const (
	documentedCall = `
statsd-http-proxy \
--verbose \
--http-host=127.0.0.1 \
--http-port=8080 \
--statsd-host=127.0.0.1 \
--statsd-port=8125 \
--jwt-secret=somesecret \
--metric-prefix=prefix.subprefix`

	documentedTLSCall = `
statsd-http-proxy \
--verbose \
--http-host=127.0.0.1 \
--http-port=433 \
--tls-cert=cert.pem \
--tls-key=key.pem \
--statsd-host=127.0.0.1 \
--statsd-port=8125 \
--jwt-secret=somesecret \
--metric-prefix=prefix.subprefix`

	documentedVersionCall = `
statsd-http-proxy --version`
)

var documentedPort = regexp.MustCompile(`--(http|statsd)-port=\d+`)

// documented returns a documented call that uses a free port and sends to
// statsd.
func documented(t *testing.T, call string, statsd *receiver) *exec.Cmd {
	t.Helper()
	call = documentedPort.ReplaceAllStringFunc(call, func(option string) string {
		if strings.HasPrefix(option, "--http-port=") {
			return "--http-port=0"
		}
		return "--statsd-port=" + statsd.port
	})
	args := strings.Fields(strings.ReplaceAll(call, "\\\n", " "))
	return harness.ProxyCommand(args[1:]...)
}

func TestDocumentedCallForwardsWithTokenAndPrefix(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxyCommand(t, documented(t, documentedCall, statsd))
	expectDocumentedMetric(t, proxy, statsd)
}

func TestDocumentedTLSCallForwardsOverHTTPS(t *testing.T) {
	statsd := startReceiver(t)
	cmd := documented(t, documentedTLSCall, statsd)
	cmd.Dir = t.TempDir() // the call names its files without a path
	testCertificate(t).write(t, cmd.Dir, "cert.pem", "key.pem")
	proxy := startProxyCommand(t, cmd)
	if !strings.HasPrefix(proxy.url, "https://") {
		t.Fatalf("the URL: got %s, want https", proxy.url)
	}
	expectDocumentedMetric(t, proxy, statsd)
}

// expectDocumentedMetric sends the documented metric, a form that is declared
// as JSON, and stops the proxy.
func expectDocumentedMetric(t *testing.T, proxy *proxy, statsd *receiver) {
	t.Helper()
	const path, body = "/count/some.key.name", "value=100500"
	if status, answer := proxy.send(t, path, body, "Content-Type", "application/json"); status != 401 {
		t.Errorf("without a token: got %d %s, want 401", status, answer)
	}
	wrong := newToken(t, "othersecret")
	if status, answer := proxy.send(t, path, body, "X-JWT-Token", wrong); status != 403 {
		t.Errorf("with a token of another secret: got %d %s, want 403", status, answer)
	}
	proxy.mustSend(t, path, body, "Content-Type", "application/json", "X-JWT-Token", newToken(t, "somesecret"))
	proxy.Stop(t)
	if got, want := statsd.all(t), "prefix.subprefix.some.key.name:100500|c"; len(got) != 1 || got[0] != want {
		t.Errorf("lines that StatsD received: got %q, want only %q", got, want)
	}
}

func TestDocumentedVersionCallPrintsTheVersion(t *testing.T) {
	code, stdout, stderr := harness.RunToEnd(t, documented(t, documentedVersionCall, nil))
	if want := regexp.MustCompile(`^statsd-http-proxy \S+ \(.+, .+, go1\.\S+\)\n$`); code != 0 || !want.MatchString(stdout) || stderr != "" {
		t.Errorf("got exit code %d, stdout %q, stderr %q, want 0 and one line like %s", code, stdout, stderr, want)
	}
}
