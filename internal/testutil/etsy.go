package testutil

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
)

// EtsyStatsD is a running StatsD: the npm package statsd. Its management port shows
// counters, gauges and timers while it runs. Sets and sample rates only show in what
// it flushes. A flush resets most of what the management port shows, so StatsD
// flushes once, when it stops.
type EtsyStatsD struct {
	*Process
	Port string // for UDP and TCP

	managementAddress string
	flushedFile       string
}

// EtsyMetrics is what StatsD has received, without StatsD's own metrics.
type EtsyMetrics struct {
	Counters map[string]float64
	Gauges   map[string]float64
	Timers   map[string][]float64
	Sets     map[string][]string

	// TimerCounts is how many timings there were before sampling.
	TimerCounts map[string]float64
}

// StartEtsyStatsD starts StatsD on a free port.
func StartEtsyStatsD(t testing.TB) *EtsyStatsD {
	t.Helper()
	return StartEtsyStatsDAt(t, FreePort(t))
}

// StartEtsyStatsDAt starts StatsD on a port.
func StartEtsyStatsDAt(t testing.TB, port string) *EtsyStatsD {
	t.Helper()
	node := NeedCommand(t, "node")
	program := NeedFile(t, "test/node_modules/statsd/stats.js")
	managementPort := FreePort(t)
	dir := t.TempDir()
	s := &EtsyStatsD{
		Port:              port,
		managementAddress: net.JoinHostPort("127.0.0.1", managementPort),
		flushedFile:       filepath.Join(dir, "flushed.json"),
	}
	config, err := json.Marshal(map[string]any{
		"servers": []map[string]any{
			{"server": "./servers/udp", "address": "127.0.0.1", "port": port},
			{"server": "./servers/tcp", "address": "127.0.0.1", "port": port},
		},
		"mgmt_address":          "127.0.0.1",
		"mgmt_port":             managementPort,
		"backends":              []string{Path("internal/testutil/etsy/flushed.js")},
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
	s.Process = Start(t, exec.Command(node, "--require", Path("internal/testutil/etsy/compat.js"), program, configFile))

	// StatsD counts an empty datagram as a packet, but as no metric.
	conn, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.WaitReady(t, func() bool {
		_, _ = conn.Write(nil) // it fails until StatsD listens
		text, err := s.ask("counters")
		return err == nil && parseInspected(text).numbers["statsd.packets_received"] > 0
	})
	return s
}

// ask sends a command to the management port and returns the answer.
func (s *EtsyStatsD) ask(command string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.managementAddress, Patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		return "", err
	}
	// StatsD reads each segment as a whole command. So ask cannot send quit in the
	// same segment; it closes the connection instead.
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

// mustAsk is ask for a command that shows metrics.
func (s *EtsyStatsD) mustAsk(t testing.TB, command string) inspected {
	t.Helper()
	text, err := s.ask(command)
	if err != nil {
		t.Fatalf("ask StatsD for %s: %v", command, err)
	}
	return parseInspected(text)
}

// WaitFor waits until StatsD has received the given number of lines and returns
// what the management port shows then. It fails the test unless StatsD has received
// exactly these lines and understood all of them.
func (s *EtsyStatsD) WaitFor(t testing.TB, lines int) EtsyMetrics {
	t.Helper()
	var counters map[string]float64
	Eventually(t, strconv.Itoa(lines)+" lines in StatsD", func() bool {
		counters = s.mustAsk(t, "counters").numbers
		return counters["statsd.metrics_received"] >= float64(lines)
	})
	m := EtsyMetrics{
		Counters: counters,
		Gauges:   s.mustAsk(t, "gauges").numbers,
		Timers:   s.mustAsk(t, "timers").lists,
	}
	s.checkLines(t, m.Counters, lines)
	return m
}

// WaitForCounter waits until StatsD has a counter.
func (s *EtsyStatsD) WaitForCounter(t testing.TB, name string) {
	t.Helper()
	Eventually(t, "the counter "+name+" in StatsD", func() bool {
		text, err := s.ask("counters")
		_, isThere := parseInspected(text).numbers[name]
		return err == nil && isThere
	})
}

// WaitForTimers waits until StatsD has the given number of timers whose names begin
// with prefix.
func (s *EtsyStatsD) WaitForTimers(t testing.TB, prefix string, count int) {
	t.Helper()
	Eventually(t, "timers named "+prefix+" in StatsD", func() bool {
		text, err := s.ask("timers")
		return err == nil && strings.Count(text, prefix) == count
	})
}

// Flush stops StatsD and returns what it flushed: all that it received. It fails
// the test unless StatsD has received exactly the given number of lines and
// understood all of them.
func (s *EtsyStatsD) Flush(t testing.TB, lines int) EtsyMetrics {
	t.Helper()
	s.Stop(t)
	text, err := os.ReadFile(s.flushedFile)
	if err != nil {
		t.Fatalf("StatsD has flushed nothing: %v", err)
	}
	var m EtsyMetrics
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("what StatsD flushed: %v", err)
	}
	s.checkLines(t, m.Counters, lines)
	return m
}

// FlushAfter stops the proxy, then StatsD, and returns all that StatsD received, in
// any number of lines.
func (s *EtsyStatsD) FlushAfter(t testing.TB, p *Proxy) EtsyMetrics {
	t.Helper()
	p.Stop(t)
	// StatsD's socket holds what the proxy has sent. This line comes after it.
	conn, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", s.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const mark = "end.of.test"
	if _, err := io.WriteString(conn, mark+":1|c"); err != nil {
		t.Fatal(err)
	}
	s.WaitForCounter(t, mark)
	m := s.FlushAll(t)
	delete(m.Counters, mark)
	return m
}

// FlushAll is Flush for any number of lines.
func (s *EtsyStatsD) FlushAll(t testing.TB) EtsyMetrics {
	t.Helper()
	lines := s.mustAsk(t, "counters").numbers["statsd.metrics_received"]
	return s.Flush(t, int(lines))
}

// Gauges returns the gauges that StatsD has now.
func (s *EtsyStatsD) Gauges(t testing.TB) map[string]float64 {
	t.Helper()
	return s.mustAsk(t, "gauges").numbers
}

// checkLines fails the test unless counters say that StatsD has received exactly the
// given number of lines and understood all of them. It deletes StatsD's own counters.
func (s *EtsyStatsD) checkLines(t testing.TB, counters map[string]float64, lines int) {
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

// parseInspected reads an object as Node.js prints it. A number that it cannot read
// becomes 0, which the comparison of the test then shows.
func parseInspected(text string) inspected {
	all := inspected{numbers: map[string]float64{}, lists: map[string][]float64{}}
	for _, entry := range inspectedEntry.FindAllStringSubmatch(text, -1) {
		name := entry[1] + entry[2]
		if entry[4] != "" {
			all.numbers[name], _ = strconv.ParseFloat(entry[4], 64)
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
