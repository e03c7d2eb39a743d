package acme

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

const (
	domain = "metrics.shop.example"

	// blocked is a domain for which Pebble issues no certificate.
	blocked = "blocked.example"
)

// pebble is an ACME server that runs or is away.
type pebble struct {
	*testutil.Process        // nil before the first start
	directory         string // URL
	management        string // URL
	cert              string // file with the certificate of its HTTPS
	port              string // of the proxy that it connects to
	config, dns       string
	program           string
}

// newPebble returns a Pebble that is away. Its certificates are valid for the given time.
func newPebble(t *testing.T, validity time.Duration) *pebble {
	t.Helper()
	program, dnsProgram := testutil.PebblePrograms(t)
	dir := t.TempDir()
	address := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	management := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	p := &pebble{
		directory:  "https://" + address + "/dir",
		management: "https://" + management,
		port:       testutil.FreePort(t),
		config:     filepath.Join(dir, "config.json"),
		dns:        net.JoinHostPort("127.0.0.1", testutil.FreePort(t)),
		program:    program,
	}
	cert, key := testutil.SharedCertificate(t).Write(t, dir, "pebble.crt", "pebble.key")
	p.cert = cert
	port, err := strconv.Atoi(p.port)
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address, "managementListenAddress": management,
		"certificate": cert, "privateKey": key,
		"tlsPort": port, "keyAlgorithm": "ecdsa", "domainBlocklist": []string{blocked},
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles":   map[string]any{"default": map[string]any{"description": "the only one", "validityPeriod": int(validity.Seconds())}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.config, config, 0o600); err != nil {
		t.Fatal(err)
	}
	dns := testutil.Start(t, exec.Command(dnsProgram, "-http01=", "-https01=", "-doh=", "-tlsalpn01=", "-defaultIPv6=",
		"-dnsserver="+p.dns, "-management="+net.JoinHostPort("127.0.0.1", testutil.FreePort(t))))
	dns.WaitReady(t, func() bool {
		conn, err := net.DialTimeout("tcp", p.dns, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return p
}

// startPebble returns a running Pebble.
func startPebble(t *testing.T, validity time.Duration) *pebble {
	t.Helper()
	p := newPebble(t, validity)
	p.start(t)
	return p
}

// start starts p and waits until it answers.
func (p *pebble) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(p.program, "-config="+p.config, "-dnsserver="+p.dns)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	p.Process = testutil.Start(t, cmd)
	p.WaitReady(t, func() bool {
		response, err := p.client(t).Get(p.directory)
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
}

// leave ends p. It forgets its accounts and has a new root certificate when it is back.
func (p *pebble) leave(t *testing.T) {
	t.Helper()
	if err := p.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.Wait(t, testutil.Patience)
}

// client returns a client of p itself.
func (p *pebble) client(t *testing.T) *http.Client {
	t.Helper()
	return &http.Client{Timeout: testutil.Patience, Transport: &http.Transport{
		TLSClientConfig: testutil.SharedCertificate(t).ClientConfig.Clone(), DisableKeepAlives: true,
	}}
}

// requests returns how many requests p has got. It logs each one.
func (p *pebble) requests() int { return strings.Count(p.Stdout.String(), "-> calling handler()") }

// trust returns the settings of a TLS client that trusts p and sends a server name.
func (p *pebble) trust(t *testing.T, name string) *tls.Config {
	t.Helper()
	response, err := p.client(t).Get(p.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	root, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) {
		t.Fatalf("the root certificate of Pebble: got %q", root)
	}
	return &tls.Config{RootCAs: roots, ServerName: name}
}

// args returns the options of a proxy that gets its certificates from p.
func (p *pebble) args(cache string, args ...string) []string {
	return append([]string{"--acme-domain=" + domain, "--acme-cache=" + cache, "--acme-directory=" + p.directory, "--metric-prefix=acme"}, args...)
}

// startProxy starts a proxy on the port that p connects to.
func (p *pebble) startProxy(t *testing.T, cache string, args ...string) *testutil.Proxy {
	t.Helper()
	return p.startProxyOn(t, p.port, cache, args...)
}

func (p *pebble) startProxyOn(t *testing.T, port, cache string, args ...string) *testutil.Proxy {
	t.Helper()
	cmd := testutil.ProxyCommand(t, p.args(cache, append([]string{"--http-port=" + port}, args...)...)...)
	cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+p.cert)
	return testutil.StartProxyCommand(t, cmd)
}

// handshake does a TLS handshake with a proxy.
func handshake(proxy *testutil.Proxy, config *tls.Config) (tls.ConnectionState, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: testutil.Patience}, "tcp", proxy.Address, config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

// cached returns the directory of the files for p in a cache.
func cached(t *testing.T, cache string) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(cache, "*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("the cache: got %q, %v, want one directory", dirs, err)
	}
	return dirs[0]
}
