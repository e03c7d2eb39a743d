package process

import (
	"bufio"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

var tlsClients = flag.Int("tls-clients", 500, "number of clients of TestCrowdOfTLSClientsIsServed")

// All clients connect at once, as after the restart of a load balancer. The proxy has one
// processor and the default timeouts. It serves all of them.
func TestCrowdOfTLSClientsIsServed(t *testing.T) {
	statsd := testutil.StartFakeStatsD(t)
	cert, key := testutil.SharedCertificate(t).Write(t, t.TempDir(), "tls.crt", "tls.key")
	cmd := testutil.PlainProxyCommand(t, "--http-port=0", "--statsd-port="+statsd.Port, "--tls-cert="+cert, "--tls-key="+key)
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	proxy := testutil.StartProxyCommand(t, cmd)

	config := testutil.SharedCertificate(t).ClientConfig.Clone()
	config.ServerName = testutil.CertificateName
	config.InsecureSkipVerify = true // to verify costs the clients more than everything else
	conns := dialMany(t, proxy, *tlsClients)
	start := time.Now()
	var running sync.WaitGroup
	errs := make(chan error, len(conns))
	for i, conn := range conns {
		running.Go(func() { errs <- sendOverTLS(conn, config, i) })
	}
	running.Wait()
	t.Logf("%d clients were served in %v", len(conns), time.Since(start).Round(time.Millisecond))
	failed := 0
	for range conns {
		if err := <-errs; err != nil {
			if failed++; failed <= 5 {
				t.Error(err)
			}
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d clients were not served", failed, len(conns))
	}
	proxy.Stop(t)
	if got := len(statsd.All(t)); got != len(conns)-failed {
		t.Errorf("StatsD received %d lines, want %d", got, len(conns)-failed)
	}
}

// sendOverTLS does a TLS handshake on conn, sends a metric and reads the response.
func sendOverTLS(conn net.Conn, config *tls.Config, i int) error {
	secure := tls.Client(conn, config)
	defer secure.Close()
	if _, err := fmt.Fprintf(secure, "POST /count/client%d HTTP/1.1\r\nHost: proxy\r\n\r\n", i); err != nil {
		return fmt.Errorf("client %d: %w", i, err)
	}
	response, err := http.ReadResponse(bufio.NewReader(secure), nil)
	if err != nil {
		return fmt.Errorf("client %d: %w", i, err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("client %d: got %s, want 200", i, response.Status)
	}
	return nil
}
