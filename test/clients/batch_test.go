package clients

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// Flow control of HTTP/2 does not slow down the largest batch that the proxy accepts, on a
// link with a delay: it takes as many round trips as over HTTP/1, one.
func TestLargestBatchOverHTTP2WaitsForNoWindow(t *testing.T) {
	t.Parallel()
	const line = "some.key.of.a.batch:1|c\n"
	const size = 1 << 20 // the default of --http-max-body
	batch := strings.Repeat(line, size/len(line))
	batch += strings.Repeat("\n", size-len(batch))
	want := fmt.Sprintf(`{"accepted":%d,"rejected":[]}`, size/len(line))
	const roundTrip = 2 * linkDelay
	proxy := startBoth(t, "--http-timeout-idle=75", "--http-timeout-read=30", "--http-timeout-write=30")
	for _, isSecure := range []bool{true, false} {
		server := proxy(isSecure)
		url := strings.Replace(server.URL, server.Address, startRelay(t, server.Address), 1)
		// newClient returns a client that has a connection.
		newClient := func(isHTTP2 bool) *http.Client {
			var protocols http.Protocols
			protocols.SetHTTP1(!isHTTP2)
			protocols.SetHTTP2(isHTTP2)
			protocols.SetUnencryptedHTTP2(isHTTP2)
			transport := &http.Transport{Protocols: &protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			t.Cleanup(transport.CloseIdleConnections)
			client := &http.Client{Transport: transport, Timeout: testutil.Patience}
			if status, answer, err := testutil.Post(client, url+"/count/k", "value=1"); err != nil || status != http.StatusOK {
				t.Fatalf("got %d %s %v, want 200", status, answer, err)
			}
			return client
		}
		send := func(client *http.Client) time.Duration {
			start := time.Now()
			status, answer, err := testutil.Post(client, url+"/batch", batch, "Content-Type", "text/plain")
			spent := time.Since(start)
			if err != nil || status != http.StatusOK || answer != want {
				t.Fatalf("got %d %s %v, want 200 %s", status, answer, err, want)
			}
			return spent
		}
		one, two := newClient(false), newClient(true)
		// A busy machine slows down some requests, so the fastest ones are compared.
		const times = 10
		spentOne, spentTwo := send(one), send(two)
		for i := 1; i < times && spentTwo > spentOne+roundTrip/2; i++ {
			spentOne, spentTwo = min(spentOne, send(one)), min(spentTwo, send(two))
		}
		t.Logf("with TLS %t: HTTP/1 %s, HTTP/2 %s", isSecure, spentOne, spentTwo)
		if spentTwo > spentOne+roundTrip/2 {
			t.Errorf("with TLS %t: a batch takes %s over HTTP/2 and %s over HTTP/1, want no further round trip of %s", isSecure, spentTwo, spentOne, roundTrip)
		}
	}
}
