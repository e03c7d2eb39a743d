package process

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

	"statsd-http-proxy/internal/testutil"
)

// volume is a directory with files in the form in which Kubernetes mounts a secret:
//
//	tls.crt    -> ..data/tls.crt
//	..data     -> ..version1
//	..version1/tls.crt
//
// All files change at once if ..data is replaced.
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

// path returns the path of a file.
func (v *volume) path(name string) string { return filepath.Join(v.dir, name) }

// update replaces the files of the volume.
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

const (
	certificateReloaded = `level=INFO msg=reloaded what="the certificate"`
	certificateKept     = `level=ERROR msg="cannot reload, what was loaded before stays in use" what="the certificate" error=`
	keysReloaded        = `level=INFO msg=reloaded what="the keys of tokens"`
	keysKept            = `level=ERROR msg="cannot reload, what was loaded before stays in use" what="the keys of tokens" error=`
)

// certificateFiles returns the files of a volume with a certificate.
func certificateFiles(c *testutil.Certificate) map[string][]byte {
	return map[string][]byte{"tls.crt": c.Cert, "tls.key": c.Key}
}

// isServed reports whether a new connection to the proxy gets the certificate.
func isServed(c *testutil.Certificate, p *testutil.Proxy) bool {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: testutil.Patience}, "tcp", p.Address, c.ClientConfig)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// longIdle keeps a connection open while the proxy reloads its files.
const longIdle = "--http-timeout-idle=60"

// reload tells the proxy to read its files now. It reads changed files without a
// signal, too, but up to a second later.
func reload(t *testing.T, p *testutil.Proxy) {
	t.Helper()
	p.Signal(t, syscall.SIGHUP)
}

func TestCertificateChangesWithItsVolume(t *testing.T) {
	t.Parallel()
	first, second, third := testutil.SharedCertificate(t), testutil.NewCertificate(t), testutil.NewCertificate(t)
	v := newVolume(t, certificateFiles(first))
	proxy := testutil.StartProxy(t, longIdle, "--statsd-port="+testutil.StartSink(t), "--tls-cert="+v.path("tls.crt"), "--tls-key="+v.path("tls.key"))
	// The client trusts the first certificate only. After the change it can only send
	// on the connection that it opens here.
	proxy.MustSend(t, "/count/some.key", "value=1")
	if !isServed(first, proxy) {
		t.Fatal("the first certificate is not served")
	}

	// The proxy finds this change by itself.
	v.update(t, certificateFiles(second))
	testutil.Eventually(t, "the second certificate", func() bool { return isServed(second, proxy) })
	if isServed(first, proxy) {
		t.Error("the first certificate is still served")
	}
	proxy.MustSend(t, "/count/some.key", "value=1")

	for i, broken := range []map[string][]byte{
		{"tls.crt": third.Cert, "tls.key": first.Key},
		{"tls.crt": third.Cert[:len(third.Cert)/2], "tls.key": third.Key},
		{"tls.crt": nil, "tls.key": nil},
		{"tls.crt": third.Cert},
	} {
		v.update(t, broken)
		reload(t, proxy)
		proxy.WaitForLog(t, certificateKept, i+1)
		if !isServed(second, proxy) {
			t.Errorf("broken certificate %d: the second one is no longer served", i+1)
		}
	}
	v.update(t, certificateFiles(third))
	reload(t, proxy)
	testutil.Eventually(t, "the third certificate", func() bool { return isServed(third, proxy) })
	proxy.MustSend(t, "/count/some.key", "value=1")
	if log := proxy.Stderr.String(); strings.Count(log, certificateReloaded) != 2 || strings.Count(log, certificateKept) != 4 {
		t.Errorf("the log: got %s, want 2 reloads and 4 failures", log)
	}
	proxy.Stop(t)
}

func TestSIGHUPReloadsTheCertificate(t *testing.T) {
	t.Parallel()
	first, second := testutil.SharedCertificate(t), testutil.NewCertificate(t)
	dir := t.TempDir()
	cert, key := first.Write(t, dir, "cert.pem", "key.pem")
	proxy := testutil.StartProxy(t, longIdle, "--statsd-port="+testutil.StartSink(t), "--tls-cert="+cert, "--tls-key="+key)
	proxy.MustSend(t, "/count/some.key", "value=1")

	// The files have not changed, so only the signal makes the proxy read them.
	proxy.Signal(t, syscall.SIGHUP)
	proxy.WaitForLog(t, certificateReloaded, 1)
	second.Write(t, dir, "cert.pem", "key.pem")
	proxy.Signal(t, syscall.SIGHUP)
	testutil.Eventually(t, "the second certificate", func() bool { return isServed(second, proxy) })
	proxy.MustSend(t, "/count/some.key", "value=1")

	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy.Signal(t, syscall.SIGHUP)
	proxy.WaitForLog(t, certificateKept, 1)
	if !isServed(second, proxy) {
		t.Error("with a broken key: the second certificate is no longer served")
	}
	proxy.MustSend(t, "/count/some.key", "value=1")
	proxy.Stop(t)
}

func TestSIGHUPDoesNotStopAProxyWithoutFiles(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--statsd-port="+testutil.StartSink(t))
	for range 3 {
		proxy.Signal(t, syscall.SIGHUP)
		proxy.MustSend(t, "/count/some.key", "value=1")
	}
	proxy.Stop(t)
}

func TestSecretsChangeWithTheirVolume(t *testing.T) {
	t.Parallel()
	secrets := func(lines ...string) map[string][]byte {
		return map[string][]byte{"secrets": []byte(strings.Join(lines, "\n"))}
	}
	v := newVolume(t, secrets("one", "two"))
	// The secret of the command line stays valid while the file changes.
	proxy := testutil.StartProxy(t, "--statsd-port="+testutil.StartSink(t), "--jwt-secret=given", "--jwt-secret-file="+v.path("secrets"))
	tokens := map[string]string{}
	for _, secret := range []string{"given", "one", "two", "three"} {
		tokens[secret] = testutil.NewToken(t, secret)
	}
	status := func(secret string) int {
		t.Helper()
		status, _ := proxy.Send(t, "/count/some.key", "value=1", "X-JWT-Token", tokens[secret])
		return status
	}
	expect := func(when string, accepted, rejected []string) {
		t.Helper()
		for range 2 { // the second time the proxy finds an accepted token in its cache
			for _, secret := range accepted {
				if got := status(secret); got != 200 {
					t.Errorf("%s: a token of the secret %s got %d, want 200", when, secret, got)
				}
			}
			for _, secret := range rejected {
				if got := status(secret); got != 403 {
					t.Errorf("%s: a token of the secret %s got %d, want 403", when, secret, got)
				}
			}
		}
	}
	expect("at first", []string{"given", "one", "two"}, []string{"three"})

	v.update(t, secrets("two", "three"))
	reload(t, proxy)
	testutil.Eventually(t, "the new secret", func() bool { return status("three") == 200 })
	expect("after the change", []string{"given", "two", "three"}, []string{"one"})

	for i, broken := range []map[string][]byte{secrets("", " "), secrets(string(bytes.Repeat([]byte("secret\n"), 1000))), {}} {
		v.update(t, broken)
		reload(t, proxy)
		proxy.WaitForLog(t, keysKept, i+1)
		expect("with a broken file", []string{"given", "two", "three"}, []string{"one"})
	}

	v.update(t, secrets("one"))
	reload(t, proxy)
	testutil.Eventually(t, "the first secret again", func() bool { return status("one") == 200 })
	expect("after all", []string{"given", "one"}, []string{"two", "three"})
	proxy.Stop(t)
	if log := proxy.Stderr.String(); strings.Count(log, keysReloaded) != 2 {
		t.Errorf("the log: got %s, want 2 reloads of keys", log)
	}
}
