package http2

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// The well-behaved client has connections of its own. It sends on each at a steady rate,
// whether or not the request before has been answered.
const (
	steadyConns    = 4
	steadyInterval = 20 * time.Millisecond // of each connection
)

// steadyClient sends metrics at a steady rate.
type steadyClient struct {
	running sync.WaitGroup
	stop    chan struct{}

	mu    sync.Mutex
	spent []time.Duration // of each request, from the time at which it was due
	errs  []error
}

// startSteadyClient starts a client. The caller has to end it.
func startSteadyClient(t testing.TB, p *testutil.Proxy) *steadyClient {
	t.Helper()
	s := &steadyClient{stop: make(chan struct{})}
	for range steadyConns {
		transport := &http.Transport{TLSClientConfig: testutil.SharedCertificate(t).ClientConfig.Clone(), ForceAttemptHTTP2: true}
		client := &http.Client{Transport: transport, Timeout: testutil.Patience}
		if err := sendSteady(client, p.URL); err != nil { // connects
			t.Fatal(err)
		}
		s.running.Go(func() {
			defer transport.CloseIdleConnections()
			s.send(client, p.URL)
		})
	}
	return s
}

// send sends requests until the client ends.
func (s *steadyClient) send(client *http.Client, url string) {
	ticks := time.NewTicker(steadyInterval)
	defer ticks.Stop()
	var sending sync.WaitGroup
	defer sending.Wait()
	for {
		select {
		case <-s.stop:
			return
		case due := <-ticks.C:
			sending.Go(func() {
				err := sendSteady(client, url)
				spent := time.Since(due)
				s.mu.Lock()
				defer s.mu.Unlock()
				s.spent = append(s.spent, spent)
				if err != nil {
					s.errs = append(s.errs, err)
				}
			})
		}
	}
}

func sendSteady(client *http.Client, url string) error {
	response, err := client.Post(url+"/count/steady", "application/json", strings.NewReader(`{"value": 1}`))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		return fmt.Errorf("got %s over %s, want 200 over HTTP/2", response.Status, response.Proto)
	}
	return nil
}

// end waits for the responses and returns the 99th percentile of the times. It fails the
// test if a request has failed.
func (s *steadyClient) end(t testing.TB) (p99 time.Duration) {
	t.Helper()
	close(s.stop)
	s.running.Wait()
	if len(s.errs) > 0 {
		t.Errorf("%d requests of the well-behaved client failed: %v", len(s.errs), s.errs[0])
	}
	if len(s.spent) == 0 {
		t.Fatal("the well-behaved client has sent nothing")
	}
	slices.Sort(s.spent)
	return s.spent[len(s.spent)*99/100]
}
