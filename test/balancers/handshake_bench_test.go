//go:build linux

package balancers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"statsd-http-proxy/internal/testutil"
)

// BenchmarkHandshakes measures the TLS handshakes for which one second of CPU time
// suffices, with the proxy and with nginx. Each connection carries one request. Both use
// TLS 1.3, which older versions of nginx do not allow by default.
func BenchmarkHandshakes(b *testing.B) {
	for _, algorithm := range []string{"ECDSA", "RSA"} {
		cert, key := writeBenchCertificate(b, algorithm)
		proxy := testutil.StartProxy(b, "--tls-cert="+cert, "--tls-key="+key)
		nginx := net.JoinHostPort("127.0.0.1", testutil.FreePort(b))
		testutil.StartNginx(b, nginx, fmt.Sprintf("server {\n    listen %s ssl;\n    ssl_protocols TLSv1.3;\n    ssl_certificate %s;\n    ssl_certificate_key %s;\n    location / { return 200; }\n}\n", nginx, cert, key))
		for _, resumed := range []bool{false, true} {
			kind := map[bool]string{false: "full", true: "resumed"}[resumed]
			b.Run(algorithm+"/"+kind+"/proxy", func(b *testing.B) { benchmarkHandshakes(b, proxy.Address, "statsd-http-pro", resumed) })
			b.Run(algorithm+"/"+kind+"/nginx", func(b *testing.B) { benchmarkHandshakes(b, nginx, "nginx", resumed) })
		}
	}
}

// benchmarkHandshakes connects to address from four clients. name is that of the server's
// processes, which must be descendants of the test.
func benchmarkHandshakes(b *testing.B, address, name string, resumed bool) {
	const clients = 4
	configs := make([]*tls.Config, clients)
	for i := range configs {
		configs[i] = &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
		if resumed {
			configs[i].ClientSessionCache = tls.NewLRUClientSessionCache(1)
			if _, err := connectOnce(address, configs[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
	before := cpuTime(b, name)
	b.ResetTimer()
	var running sync.WaitGroup
	for i, config := range configs {
		running.Go(func() {
			for n := i; n < b.N; n += clients {
				didResume, err := connectOnce(address, config)
				if err != nil || didResume != resumed {
					b.Errorf("connection %d: resumed %t, %v, want %t", n, didResume, err, resumed)
					return
				}
			}
		})
	}
	running.Wait()
	b.StopTimer()
	if spent := cpuTime(b, name) - before; spent > 0 {
		b.ReportMetric(float64(b.N)/spent.Seconds(), "handshakes/cpu-s")
	}
}

// connectOnce opens a connection, sends a request and reads the response.
func connectOnce(address string, config *tls.Config) (didResume bool, err error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: testutil.Patience}, "tcp", address, config)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /heartbeat HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
		return false, err
	}
	text, err := io.ReadAll(conn)
	if err == nil && !strings.HasPrefix(string(text), "HTTP/1.1 200 ") {
		err = fmt.Errorf("got %q, want 200", text)
	}
	return conn.ConnectionState().DidResume, err
}

// cpuTime returns the CPU time of the descendants of this process with a name. It reads
// the CPU clock of each process, whose number is computed as by clock_getcpuclockid in
// the C library.
func cpuTime(b *testing.B, name string) (sum time.Duration) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		b.Fatal(err)
	}
	parents, times := map[string]string{}, map[string]time.Duration{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended
		}
		pid := filepath.Base(filepath.Dir(file))
		before, after, _ := strings.Cut(string(text), ") ")
		parents[pid] = strings.Fields(after)[1]
		if !strings.HasSuffix(before, "("+name) {
			continue
		}
		const cpuClockSched = 2
		number, err := strconv.Atoi(pid)
		if err != nil {
			b.Fatal(err)
		}
		var clock unix.Timespec
		if err := unix.ClockGettime(int32(^number<<3|cpuClockSched), &clock); err != nil {
			continue // the process has ended
		}
		times[pid] = time.Duration(clock.Nano())
	}
	for pid, time := range times {
		for ancestor := parents[pid]; ancestor != ""; ancestor = parents[ancestor] {
			if ancestor == strconv.Itoa(os.Getpid()) {
				sum += time
			}
		}
	}
	return sum
}

// writeBenchCertificate writes a self-signed certificate with its key.
func writeBenchCertificate(b *testing.B, algorithm string) (certFile, keyFile string) {
	b.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour), DNSNames: []string{"localhost"}}
	var cert, key []byte
	var errs [3]error
	if algorithm == "RSA" {
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			b.Fatal(err)
		}
		cert, errs[0] = x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
		key, errs[1] = x509.MarshalPKCS8PrivateKey(private)
	} else {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		cert, errs[0] = x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
		key, errs[1] = x509.MarshalPKCS8PrivateKey(private)
	}
	certFile, keyFile = filepath.Join(b.TempDir(), "tls.crt"), filepath.Join(b.TempDir(), "tls.key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		errs[2] = errors.Join(errs[2], os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	if err := errors.Join(errs[:]...); err != nil {
		b.Fatal(err)
	}
	return certFile, keyFile
}
