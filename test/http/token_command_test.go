package http

import (
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// The token command and the proxy get the same secret from their environment.
func TestProxyAcceptsTokensOfTheTokenCommand(t *testing.T) {
	t.Parallel()
	const variable = "STATSD_HTTP_PROXY_JWT_SECRET=0123456789abcdef0123456789abcdef"
	statsd := testutil.StartFakeStatsD(t)
	cmd := testutil.ProxyCommand(t, "--http-port=0", "--statsd-port="+statsd.Port, "--jwt-issuer=login", "--jwt-audience=proxy", "--jwt-require-exp")
	cmd.Env = append(cmd.Env, variable)
	proxy := testutil.StartProxyCommand(t, cmd)
	token := func(args ...string) string {
		t.Helper()
		cmd := testutil.ProxyCommand(t, append([]string{"token", "--issuer=login"}, args...)...)
		cmd.Env = append(cmd.Env, variable)
		return strings.TrimSuffix(testutil.MustRun(t, cmd), "\n")
	}
	good := token("--audience=proxy", "--expires=720h", "--metrics=web.*", "--types=count,timing", "--subject=demo")
	for range 2 { // the second time the proxy finds the token in its cache
		proxy.MustSend(t, "/count/web.load", "value=1", "X-JWT-Token", good)
	}
	for what, bad := range map[string]string{
		"audience": token(),
		"no exp":   token("--audience=proxy", "--expires=never"),
		"bad sign": token("--audience=proxy", "--jwt-secret=another"),
	} {
		if status, answer := proxy.Send(t, "/count/web.load", "value=1", "X-JWT-Token", bad); status != 403 || !strings.Contains(answer, what) {
			t.Errorf("%s: got %d %s, want 403", what, status, answer)
		}
	}
	proxy.Stop(t)
	if got := statsd.All(t); len(got) != 2 || got[0] != "web.load:1|c" {
		t.Errorf("lines that StatsD received: got %q, want two of web.load:1|c", got)
	}
}
