//go:build linux

package faults

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// TestStopUnderLoad stops the proxy while clients send, in eight rounds: two over
// each network.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	for round := range 8 {
		network := []string{"udp", "tcp", "unix", "unixgram"}[round%4]
		s := startStatsD(t, network)
		proxy := startProxy(t, s)
		l := &load{metrics: 200_000, rate: 10_000, batch: 1 + 9*(round/4), size: 50, clients: 8, refusable: true}
		l.start(t, proxy)
		l.reach(t, 2000+100*round)
		proxy.Stop(t)
		l.wait(t)
		what := fmt.Sprintf("%s stop under load, round %d", network, round+1)
		l.account(t, what, proxy, s).mustBeFine(t, what)
	}
}

// TestStopWaitsForStatsD stops the proxy while StatsD is away. StatsD comes back
// before the time is over.
func TestStopWaitsForStatsD(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp", "unix", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := newStatsD(t, network)
			proxy := startProxy(t, s)
			l := &load{metrics: 2000, rate: 4000, batch: 10, size: 50, clients: 2}
			l.start(t, proxy)
			l.wait(t)
			proxy.Signal(t, syscall.SIGTERM)
			proxy.WaitDraining(t)
			s.start(t)
			proxy.WaitStopped(t)
			what := network + " comes back after the signal"
			l.account(t, what, proxy, s).mustBeFine(t, what)
		})
	}
}

// TestStopCountsWhatItGivesUp stops the proxy while StatsD is away for good.
func TestStopCountsWhatItGivesUp(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp", "unix", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := newStatsD(t, network)
			proxy := startProxy(t, s, "--shutdown-timeout=1")
			l := &load{metrics: 2000, rate: 4000, batch: 10, size: 50, clients: 2}
			l.start(t, proxy)
			l.wait(t)
			proxy.Stop(t)
			a := l.account(t, network+" is away for good", proxy, s)
			if a.lost != l.metrics || a.givenUp != a.lost {
				t.Errorf("got %d lost, and %d logged as lost, want all %d", a.lost, a.givenUp, l.metrics)
			}
		})
	}
}

// TestStopFinishesHalfSentRequests stops the proxy while the bodies of requests
// are still arriving.
func TestStopFinishesHalfSentRequests(t *testing.T) {
	t.Parallel()
	s := startStatsD(t, "udp")
	proxy := startProxy(t, s)
	l := &load{metrics: 30, rate: 1, batch: 10, clients: 3, acknowledged: make([]bool, 30)}

	type answer struct {
		response *http.Response
		err      error
	}
	const requests = 3
	var bodies [requests]string
	var pipes [requests]*io.PipeWriter
	var answers [requests]chan answer
	transport := &http.Transport{ExpectContinueTimeout: testutil.Patience}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: testutil.Patience}
	for r := range requests {
		var lines strings.Builder
		for i := range l.batch {
			fmt.Fprintf(&lines, "%s:1|c\n", l.name(r*l.batch+i))
		}
		bodies[r] = lines.String()
		body, pipe := io.Pipe()
		request, err := http.NewRequest(http.MethodPost, "http://"+proxy.Address+"/batch", body)
		if err != nil {
			t.Fatal(err)
		}
		request.ContentLength = int64(len(bodies[r]))
		request.Header.Set("Expect", "100-continue")
		pipes[r], answers[r] = pipe, make(chan answer, 1)
		go func() {
			response, err := client.Do(request)
			answers[r] <- answer{response, err}
		}()
		// The client reads its body after the server has asked for it, so the
		// request is in flight now.
		if _, err := io.WriteString(pipe, bodies[r][:len(bodies[r])/2]); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Signal(t, syscall.SIGTERM)
	proxy.WaitDraining(t)
	for r := range requests {
		if _, err := io.WriteString(pipes[r], bodies[r][len(bodies[r])/2:]); err != nil {
			t.Fatal(err)
		}
		pipes[r].Close()
		got := <-answers[r]
		if got.err != nil {
			t.Errorf("request %d: %v", r, got.err)
			continue
		}
		got.response.Body.Close()
		if got.response.StatusCode != http.StatusOK || !got.response.Close {
			t.Errorf("request %d: got %s, Connection: close %v, want 200 with it", r, got.response.Status, got.response.Close)
			continue
		}
		for i := range l.batch {
			l.acknowledged[r*l.batch+i] = true
		}
	}
	proxy.WaitStopped(t)
	const what = "half-sent requests at the stop"
	l.account(t, what, proxy, s).mustBeFine(t, what)
}
