package process

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestFailedStartPrintsTheReasonOnOneLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, takenPort, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key := testutil.SharedCertificate(t).Write(t, dir, "cert.pem", "key.pem")
	missing := filepath.Join(dir, "missing.pem")

	for _, test := range []struct {
		name string
		args []string
		code int
		word string // in the line
	}{
		{"port in use", []string{"--http-port=" + takenPort}, 1, takenPort},
		{"missing certificate", []string{"--http-port=0", "--tls-cert=" + missing, "--tls-key=" + key}, 1, missing},
		{"missing key", []string{"--http-port=0", "--tls-cert=" + cert, "--tls-key=" + missing}, 1, missing},
		{"key as a certificate", []string{"--http-port=0", "--tls-cert=" + key, "--tls-key=" + key}, 1, key},
		{"unknown tag format", []string{"--http-port=0", "--tag-format=xml"}, 2, "tag-format"},
		{"unknown name format", []string{"--http-port=0", "--name-format=xml"}, 2, "name-format"},
		{"tag without a value", []string{"--http-port=0", "--tags=env"}, 2, "--tags"},
		{"tag given twice", []string{"--http-port=0", "--tags=env=a,env=b"}, 2, "--tags"},
		{"tag that its format cannot express", []string{"--http-port=0", "--tags=env=[a", "--tag-format=signalfx"}, 2, "--tags"},
		{"prefix that the tag format cannot express", []string{"--http-port=0", "--metric-prefix=[a]", "--tag-format=signalfx"}, 2, "--metric-prefix"},
		{"certificate without its key", []string{"--http-port=0", "--tls-cert=" + cert}, 2, "--tls-key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := testutil.RunToEnd(t, testutil.ProxyCommand(t, test.args...))
			oneLine := strings.Count(stderr, "\n") == 1 && strings.HasSuffix(stderr, "\n")
			if code != test.code || stdout != "" || !oneLine || !strings.Contains(stderr, test.word) {
				t.Errorf("got exit code %d, stdout %q, stderr %q, want %d and one line on stderr that contains %s",
					code, stdout, stderr, test.code, test.word)
			}
		})
	}
}

func TestProxyAcceptsMetricsIfStatsDHasNoAddress(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--statsd-host=nohost.invalid", "--shutdown-timeout=1") // RFC 6761: no name of .invalid resolves
	for range 3 {
		proxy.MustSend(t, "/count/some.key", `{"value": 1}`)
	}
	proxy.Stop(t)
	if log := proxy.Stderr.String(); !strings.Contains(log, "nohost.invalid") || !strings.Contains(log, "count=3") {
		t.Errorf("the log: got %s, want the host and count=3 for the lost metrics", log)
	}
}

func TestProxyAcceptsMetricsIfStatsDIsAway(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--statsd-port="+testutil.FreePort(t), "--shutdown-timeout=1")
	for range 3 {
		proxy.MustSend(t, "/count/some.key", `{"value": 1}`)
	}
	proxy.Stop(t)
}
