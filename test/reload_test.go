package test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"statsd-http-proxy/test/harness"
)

// volume is a directory with files, as Kubernetes mounts a secret:
//
//	tls.crt    -> ..data/tls.crt
//	..data     -> ..version1
//	..version1/tls.crt
//
// All files change at once when ..data is replaced.
type volume struct {
	dir      string
	versions int
}

func newVolume(t *testing.T, files map[string][]byte) *volume {
	t.Helper()
	v := &volume{dir: t.TempDir()}
	v.update(t, files)
	for name := range files {
		if err := os.Symlink(filepath.Join("..data", name), v.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// path returns where the proxy finds a file.
func (v *volume) path(name string) string { return filepath.Join(v.dir, name) }

// update makes files the contents of the volume, and removes the ones before.
func (v *volume) update(t *testing.T, files map[string][]byte) {
	t.Helper()
	before := fmt.Sprintf("..version%d", v.versions)
	v.versions++
	now := fmt.Sprintf("..version%d", v.versions)
	if err := os.Mkdir(v.path(now), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(v.path(now), name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(now, v.path("..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(v.path("..data_tmp"), v.path("..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(v.path(before)); err != nil {
		t.Fatal(err)
	}
}

// waitForLog waits until the proxy has logged a line that holds text so often.
func (p *proxy) waitForLog(t testing.TB, text string, times int) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%d entries of the log with %s", times, text), func() bool {
		return strings.Count(p.Stderr.String(), text) >= times
	})
}

const (
	certificateReloaded = `level=INFO msg=reloaded what="the certificate"`
	certificateKept     = `level=ERROR msg="cannot reload, what was loaded before stays in use" what="the certificate" error=`
	keysReloaded        = `level=INFO msg=reloaded what="the keys of tokens"`
	keysKept            = `level=ERROR msg="cannot reload, what was loaded before stays in use" what="the keys of tokens" error=`
)

// newCertificate returns a certificate that no other test has.
func newCertificate(t *testing.T) *certificate {
	t.Helper()
	c, err := makeCertificate()
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	return c
}

// files are those of a volume with c.
func (c *certificate) files() map[string][]byte {
	return map[string][]byte{"tls.crt": c.cert, "tls.key": c.key}
}

// isServedBy tells whether the proxy shows c to a new connection.
func (c *certificate) isServedBy(p *proxy) bool {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: harness.Patience}, "tcp", p.Address, c.client)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// longIdle keeps a connection open while the proxy looks at its files.
const longIdle = "--http-timeout-idle=60"

func TestCertificateChangesWithItsVolume(t *testing.T) {
	t.Parallel() // the proxy looks at its files once a second
	first, second, third := testCertificate(t), newCertificate(t), newCertificate(t)
	v := newVolume(t, first.files())
	proxy := startProxy(t, longIdle, "--tls-cert="+v.path("tls.crt"), "--tls-key="+v.path("tls.key"))
	// The client trusts the first certificate alone, so that whatever it sends
	// from the change on goes over the connection that this opens.
	proxy.mustSend(t, "/count/some.key", "value=1")
	if !first.isServedBy(proxy) {
		t.Fatal("the first certificate is not served")
	}

	v.update(t, second.files())
	harness.Eventually(t, "the second certificate", func() bool { return second.isServedBy(proxy) })
	if first.isServedBy(proxy) {
		t.Error("the first certificate is still served")
	}
	proxy.mustSend(t, "/count/some.key", "value=1")

	for i, broken := range []map[string][]byte{
		{"tls.crt": third.cert, "tls.key": first.key},
		{"tls.crt": third.cert[:len(third.cert)/2], "tls.key": third.key},
		{"tls.crt": nil, "tls.key": nil},
		{"tls.crt": third.cert},
	} {
		v.update(t, broken)
		proxy.waitForLog(t, certificateKept, i+1)
		if !second.isServedBy(proxy) {
			t.Errorf("broken certificate %d: the second one is no longer served", i+1)
		}
	}
	v.update(t, third.files())
	harness.Eventually(t, "the third certificate", func() bool { return third.isServedBy(proxy) })
	proxy.mustSend(t, "/count/some.key", "value=1")
	if log := proxy.Stderr.String(); strings.Count(log, certificateReloaded) != 2 || strings.Count(log, certificateKept) != 4 {
		t.Errorf("the log: got %s, want 2 reloads and 4 failures", log)
	}
	proxy.Stop(t)
}

func TestSIGHUPReloadsTheCertificate(t *testing.T) {
	t.Parallel()
	first, second := testCertificate(t), newCertificate(t)
	dir := t.TempDir()
	cert, key := first.write(t, dir, "cert.pem", "key.pem")
	proxy := startProxy(t, longIdle, "--tls-cert="+cert, "--tls-key="+key)
	proxy.mustSend(t, "/count/some.key", "value=1")

	// Without a change nothing but the signal makes it read them again.
	proxy.Signal(t, syscall.SIGHUP)
	proxy.waitForLog(t, certificateReloaded, 1)
	second.write(t, dir, "cert.pem", "key.pem")
	proxy.Signal(t, syscall.SIGHUP)
	harness.Eventually(t, "the second certificate", func() bool { return second.isServedBy(proxy) })
	proxy.mustSend(t, "/count/some.key", "value=1")

	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy.Signal(t, syscall.SIGHUP)
	proxy.waitForLog(t, certificateKept, 1)
	if !second.isServedBy(proxy) {
		t.Error("with a broken key: the second certificate is no longer served")
	}
	proxy.mustSend(t, "/count/some.key", "value=1")
	proxy.Stop(t)
}

func TestSIGHUPEndsNoProxyWithoutFiles(t *testing.T) {
	proxy := startProxy(t)
	for range 3 {
		proxy.Signal(t, syscall.SIGHUP)
		proxy.mustSend(t, "/count/some.key", "value=1")
	}
	proxy.Stop(t)
}

func TestSecretsChangeWithTheirVolume(t *testing.T) {
	t.Parallel()
	secrets := func(lines ...string) map[string][]byte {
		return map[string][]byte{"secrets": []byte(strings.Join(lines, "\n"))}
	}
	v := newVolume(t, secrets("one", "two"))
	// The one of the command line stays, whatever the file says.
	proxy := startProxy(t, "--jwt-secret=given", "--jwt-secret-file="+v.path("secrets"))
	tokens := map[string]string{}
	for _, secret := range []string{"given", "one", "two", "three"} {
		tokens[secret] = newToken(t, secret)
	}
	status := func(secret string) int {
		t.Helper()
		status, _ := proxy.send(t, "/count/some.key", "value=1", "X-JWT-Token", tokens[secret])
		return status
	}
	expect := func(when string, accepted, refused []string) {
		t.Helper()
		for range 2 { // a token that was accepted is known the second time
			for _, secret := range accepted {
				if got := status(secret); got != 200 {
					t.Errorf("%s: a token of the secret %s got %d, want 200", when, secret, got)
				}
			}
			for _, secret := range refused {
				if got := status(secret); got != 403 {
					t.Errorf("%s: a token of the secret %s got %d, want 403", when, secret, got)
				}
			}
		}
	}
	expect("at first", []string{"given", "one", "two"}, []string{"three"})

	v.update(t, secrets("two", "three"))
	harness.Eventually(t, "the new secret", func() bool { return status("three") == 200 })
	expect("after the change", []string{"given", "two", "three"}, []string{"one"})

	for i, broken := range []map[string][]byte{secrets("", " "), secrets(string(bytes.Repeat([]byte("secret\n"), 1000))), {}} {
		v.update(t, broken)
		proxy.waitForLog(t, keysKept, i+1)
		expect("with a broken file", []string{"given", "two", "three"}, []string{"one"})
	}

	v.update(t, secrets("one"))
	harness.Eventually(t, "the first secret again", func() bool { return status("one") == 200 })
	expect("after all", []string{"given", "one"}, []string{"two", "three"})
	proxy.Stop(t)
	if log := proxy.Stderr.String(); strings.Count(log, keysReloaded) != 2 {
		t.Errorf("the log: got %s, want 2 reloads of keys", log)
	}
}
