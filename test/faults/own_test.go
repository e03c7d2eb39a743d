//go:build linux

package faults

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// Tests of the tools of these tests.

func TestFrozenProxyDoesNothing(t *testing.T) {
	proxy := startProxy(t, newStatsD(t, "udp"))
	heartbeat := func(limit time.Duration) error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: limit}
		response, err := client.Get("http://" + proxy.Address + "/heartbeat")
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	thaw := freeze(t, proxy.Process)
	if heartbeat(100*time.Millisecond) == nil {
		t.Error("a frozen proxy answers")
	}
	thaw()
	if err := heartbeat(testutil.Patience); err != nil {
		t.Errorf("a proxy that is frozen no more: %v", err)
	}
	proxy.Stop(t)
}

func TestStatsDGoesAwayWithNothingUnread(t *testing.T) {
	for _, network := range []string{"udp", "tcp", "unix", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			s := startStatsD(t, network)
			const lines = 8 // fewer than what a unixgram socket takes unread
			for round := range 2 {
				s.pause() // what StatsD is reading already it reads still
				client, err := net.Dial(network, s.address)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				end := "\n"
				if s.network == "udp" || s.network == "unixgram" {
					end = ""
				}
				for i := range lines {
					if _, err := fmt.Fprintf(client, "line %d%s", i, end); err != nil {
						t.Fatal(err)
					}
				}
				if network != "unix" && s.isIdle(t) { // a connection just being accepted is not seen
					t.Error("lines are unread: got an idle StatsD")
				}
				s.resume()
				s.end(t)
				if want := (round + 1) * lines; s.lines != want {
					t.Errorf("lines that have come: got %d, want %d", s.lines, want)
				}
				if conn, err := net.Dial(network, s.address); err == nil {
					_, _ = conn.Write([]byte("refused\n"))
					if _, err = conn.Write([]byte("refused\n")); err == nil {
						t.Error("a StatsD that is away takes lines")
					}
					conn.Close()
				}
				s.start(t)
			}
		})
	}
}

func TestLineThatBreaksOffIsNone(t *testing.T) {
	s := startStatsD(t, "tcp")
	for _, text := range []string{"one\ntwo\nthr", "three\n"} {
		client, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
	s.end(t)
	var got string
	for _, lines := range s.text {
		got += string(lines)
	}
	// The order of two connections is not defined.
	if got != "one\ntwo\nthree\n" && got != "three\none\ntwo\n" {
		t.Errorf("lines: got %q, want one, two and three", got)
	}
}

func TestDropsOfASocketAreCounted(t *testing.T) {
	s := newStatsD(t, "udp")
	s.hasSmallBuffer = true
	s.start(t)
	client, err := net.Dial("udp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const packets = 1000
	s.pause()
	line := make([]byte, 1000) // hundreds of these are too many
	for range packets {
		if _, err := client.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	s.resume()
	s.end(t)
	if s.dropped == 0 || s.lines+s.dropped != packets {
		t.Errorf("of %d packets: got %d received and %d dropped", packets, s.lines, s.dropped)
	}
}
