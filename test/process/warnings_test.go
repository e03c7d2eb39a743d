package process

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestStartWarnsAboutLikelyMistakes(t *testing.T) {
	t.Parallel()
	const public = "--http-host=0.0.0.0"
	for _, test := range []struct {
		name     string
		variable string
		args     []string
		want     []string // each in a warning of its own
	}{
		{"loopback", "", nil, nil},
		{"public", "", []string{public}, []string{"--jwt-secret-file"}},
		{"public with a prefix", "", []string{public, "--metric-prefix=p"}, []string{"--cors-origins"}},
		{"public with tokens", "", []string{public, "--jwt-secret=" + testutil.LongSecret}, []string{"--metric-prefix"}},
		{"public with both", "", []string{public, "--metric-prefix=p", "--cors-origins=https://shop.example"}, nil},
		{"short secret", "", []string{"--jwt-secret=short"}, []string{"1 secret for tokens is shorter than 32 bytes"}},
		{"misspelled variable", "JWT_SECRETS=hidden", nil, []string{"did you mean STATSD_HTTP_PROXY_JWT_SECRET?"}},
		{"Service of Kubernetes", "STATSD_PORT=udp://10.0.0.1:8125", nil, []string{"STATSD_HTTP_PROXY_STATSD_PORT is ignored"}},
		{"other Service of Kubernetes", "PORT=tcp://10.0.0.1:80", nil, nil},
		{"label of an image", "VERSION=1.2.3", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := testutil.ProxyCommand(t, append([]string{"--http-port=0"}, test.args...)...)
			if test.variable != "" {
				cmd.Env = append(cmd.Environ(), "STATSD_HTTP_PROXY_"+test.variable)
			}
			proxy := testutil.StartProxyCommand(t, cmd)
			proxy.Stop(t)
			var warnings []string
			for line := range strings.Lines(proxy.Stderr.String()) {
				if strings.Contains(line, "level=WARN") {
					warnings = append(warnings, line)
				}
			}
			if len(warnings) != len(test.want) || strings.Contains(proxy.Stderr.String(), "hidden") {
				t.Fatalf("got the warnings %q, want %d without the value", warnings, len(test.want))
			}
			for i, want := range test.want {
				if !strings.Contains(warnings[i], want) {
					t.Errorf("got the warning %s, want one with %s", warnings[i], want)
				}
			}
		})
	}
}

func TestSIGHUPNamesOptionsThatNeedARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "proxy.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("http-port 0\nmetric-prefix a\n")
	proxy := testutil.StartProxyCommand(t, testutil.ProxyCommand(t, "--config="+file))
	write("http-port 0\nmetric-prefix b\n")
	proxy.Signal(t, syscall.SIGHUP)
	proxy.WaitReady(t, func() bool {
		return strings.Contains(proxy.Stderr.String(), "restart the proxy to apply the changes of --metric-prefix")
	})
	proxy.Stop(t)
}
