package test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/test/harness"
)

// etsyStatsD is a running StatsD, the npm package. While it runs its
// management port shows counters, gauges and timers; the rest only shows in what
// it flushes. It flushes once, when it stops: a flush resets most of what the
// management port shows.
type etsyStatsD struct {
	*harness.Process
	port        string // UDP and TCP
	management  string // address, TCP
	flushedFile string
}

// etsyMetrics is what StatsD holds, its own metrics left out.
type etsyMetrics struct {
	Counters map[string]float64
	Gauges   map[string]float64
	Timers   map[string][]float64
	Sets     map[string][]string

	TimerCounts map[string]float64 // how often each was observed, by the rates
}

func startEtsyStatsD(t *testing.T) *etsyStatsD {
	t.Helper()
	return startEtsyStatsDAt(t, harness.FreePort(t))
}

func startEtsyStatsDAt(t *testing.T, port string) *etsyStatsD {
	t.Helper()
	node := harness.NeedCommand(t, "node")
	program := needNodePackage(t, "statsd/stats.js")
	backend, err := filepath.Abs("statsd/flushed.js")
	if err != nil {
		t.Fatal(err)
	}
	managementPort := harness.FreePort(t)
	dir := t.TempDir()
	s := &etsyStatsD{
		port:        port,
		management:  net.JoinHostPort("127.0.0.1", managementPort),
		flushedFile: filepath.Join(dir, "flushed.json"),
	}
	config, err := json.Marshal(map[string]any{
		"servers": []map[string]any{
			{"server": "./servers/udp", "address": "127.0.0.1", "port": s.port},
			{"server": "./servers/tcp", "address": "127.0.0.1", "port": s.port},
		},
		"mgmt_address":          "127.0.0.1",
		"mgmt_port":             managementPort,
		"backends":              []string{backend},
		"flushInterval":         time.Hour.Milliseconds(),
		"flushedFile":           s.flushedFile,
		"automaticConfigReload": false,
	})
	if err != nil {
		t.Fatal(err)
	}
	configFile := filepath.Join(dir, "config.json")
	if err := os.WriteFile(configFile, config, 0o644); err != nil {
		t.Fatal(err)
	}
	s.Process = harness.Start(t, exec.Command(node, "--require", "./statsd/compat.js", program, configFile))

	// An empty datagram counts as a packet and as nothing else.
	conn, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.Ready(t, func() bool {
		_, _ = conn.Write(nil) // refused until StatsD has its port
		text, err := s.ask("counters")
		return err == nil && parseInspected(text).numbers["statsd.packets_received"] > 0
	})
	return s
}

// ask sends a command to the management port and returns the answer.
func (s *etsyStatsD) ask(command string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.management, harness.Patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		return "", err
	}
	// StatsD takes each segment for a whole command, so quit waits.
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return "", err
	}
	const end = "END\n\n"
	var answer bytes.Buffer
	for buffer := make([]byte, 4096); !strings.HasSuffix(answer.String(), end); {
		n, err := conn.Read(buffer)
		if err != nil {
			return "", err
		}
		answer.Write(buffer[:n])
	}
	return strings.TrimSuffix(answer.String(), end), nil
}

// waitFor waits until lines metrics have been received and returns what the
// management port shows then.
func (s *etsyStatsD) waitFor(t *testing.T, lines int) etsyMetrics {
	t.Helper()
	ask := func(command string) inspected {
		text, err := s.ask(command)
		if err != nil {
			t.Fatalf("ask StatsD for %s: %v", command, err)
		}
		return parseInspected(text)
	}
	var counters map[string]float64
	harness.Eventually(t, strconv.Itoa(lines)+" lines in StatsD", func() bool {
		counters = ask("counters").numbers
		return counters["statsd.metrics_received"] >= float64(lines)
	})
	m := etsyMetrics{
		Counters: counters,
		Gauges:   ask("gauges").numbers,
		Timers:   ask("timers").lists,
	}
	s.check(t, m.Counters, lines)
	return m
}

// flush stops StatsD and returns what it flushed: all that it received.
func (s *etsyStatsD) flush(t *testing.T, lines int) etsyMetrics {
	t.Helper()
	s.Stop(t)
	text, err := os.ReadFile(s.flushedFile)
	if err != nil {
		t.Fatalf("StatsD has flushed nothing: %v", err)
	}
	var m etsyMetrics
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("flushed: %v", err)
	}
	s.check(t, m.Counters, lines)
	return m
}

// check fails the test unless StatsD has received exactly lines lines, all of
// them good, and deletes its own metrics from counters.
func (s *etsyStatsD) check(t *testing.T, counters map[string]float64, lines int) {
	t.Helper()
	if got := counters["statsd.metrics_received"]; got != float64(lines) {
		t.Errorf("lines that StatsD received: got %v, want %d", got, lines)
	}
	if got := counters["statsd.bad_lines_seen"]; got != 0 {
		t.Errorf("lines that StatsD calls bad: got %v, want 0", got)
	}
	for _, own := range []string{"bad_lines_seen", "packets_received", "metrics_received"} {
		delete(counters, "statsd."+own)
	}
}

// inspected is an object of numbers and lists of numbers.
type inspected struct {
	numbers map[string]float64
	lists   map[string][]float64
}

// inspectedEntry matches an entry of an object as Node.js prints it:
//
//	{ 'some.key': 5, plain: [ 320, 12.5 ] }
//	  ^^^^^^^^^^^^^  ^^^^^^^^^^^^^^^^^^^^
var inspectedEntry = regexp.MustCompile(`(?:'([^']*)'|(\w+)): (?:\[([^\]]*)\]|([^\s,]+))`)

func parseInspected(text string) inspected {
	all := inspected{numbers: map[string]float64{}, lists: map[string][]float64{}}
	for _, entry := range inspectedEntry.FindAllStringSubmatch(text, -1) {
		name := entry[1] + entry[2]
		if entry[4] != "" {
			all.numbers[name], _ = strconv.ParseFloat(entry[4], 64) // 0 shows as a difference
			continue
		}
		list := []float64{}
		for item := range strings.SplitSeq(entry[3], ",") {
			number, _ := strconv.ParseFloat(strings.TrimSpace(item), 64)
			list = append(list, number)
		}
		all.lists[name] = list
	}
	return all
}
