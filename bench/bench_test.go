//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMain lets the test program run as the empty server, as the benchmark does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "empty" {
		main()
		return
	}
	os.Exit(m.Run())
}

// quickBench returns a bench with few measurements.
func quickBench(t *testing.T) *bench {
	t.Helper()
	cpus, err := processors()
	if err != nil {
		t.Fatal(err)
	}
	if len(cpus) < 2 {
		t.Skip("there is only one processor")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "statsd-http-proxy")
	if err := build(binary); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	peers := peerFlag{}
	for _, peer := range []string{"again=" + binary, "absent=" + filepath.Join(dir, "absent")} {
		if err := peers.Set(peer); err != nil {
			t.Fatal(err)
		}
	}
	b, err := newBench(self, binary, dir, cpus, peers)
	if err != nil {
		t.Fatal(err)
	}
	b.connections = 4
	b.warmupRounds = 1
	b.rounds, b.latencyRounds, b.coresRounds, b.starts, b.handshakes = 2, 1, 2, 1, 8
	t.Cleanup(func() {
		if err := pinSelf(cpus); err != nil {
			t.Error(err)
		}
	})
	return b
}

var missingFigures = regexp.MustCompile(`– +\| –`)

// TestEverythingIsMeasured runs all measurements for a short time, except for that of
// memory, which takes a minute. It does not check the figures.
func TestEverythingIsMeasured(t *testing.T) {
	b := quickBench(t)
	if b.nginx.name == "" {
		t.Skip("nginx is not installed")
	}
	rows := []string{"empty", "json", "form", "token", "full", "lines", "batchjson", "https", "h2", "h2single"}
	var out bytes.Buffer
	results, err := b.measureRuns(&out, strings.Join(rows, ",")+",latency,cores,start,handshakes", 1)
	if err != nil {
		t.Fatal(err)
	}
	text := out.String()
	t.Log("\n" + text)
	if text != string(results) {
		t.Errorf("the results differ from the output:\n%s", results)
	}
	for _, name := range rows {
		if !strings.Contains(text, "\n| "+name+" ") {
			t.Errorf("the row %q is missing", name)
		}
	}
	if strings.Contains(text, "lost") {
		t.Error("metrics were lost")
	}
	// Only the absent peer is not measured: in all rows except the first, and in
	// three other sections. nginx is measured in all rows except the first, and has
	// a column of the handshakes.
	absent, nginx := 0, 0
	for line := range strings.Lines(text) {
		switch {
		case strings.Contains(line, "start absent: "):
			absent++
		case missingFigures.MatchString(line):
			t.Errorf("a server was not measured: %s", line)
		case strings.Contains(line, "| nginx "):
			nginx++
		}
	}
	if absent != len(rows)-1+3 || nginx != len(rows)-1+1 {
		t.Errorf("the absent peer has %d rows and nginx %d, want %d and %d", absent, nginx, len(rows)+2, len(rows))
	}
}

func TestRunsBecomeRanges(t *testing.T) {
	b := quickBench(t)
	b.peers = nil
	b.nginx = contender{}
	var out bytes.Buffer
	results, err := b.measureRuns(&out, "json,start", 3)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(out.Bytes(), results) || strings.Count(out.String(), "\n## ") != 3 {
		t.Errorf("want three runs and their ranges:\n%s", &out)
	}
	if text := string(results); strings.Contains(text, intervalColumn) || !strings.Contains(text, ", in 3 runs.") {
		t.Errorf("want three runs without intervals:\n%s", text)
	}
	isRange := regexp.MustCompile(`(?m)^\| json +\| proxy +\| \d+\.\d\d–\d+\.\d\d +\| \d\.\d{3}–\d\.\d{3} `)
	if !isRange.Match(results) {
		t.Errorf("the figures are not ranges, want a match of %s:\n%s", isRange, results)
	}
	if !bytes.Contains(results, []byte("nginx is not installed")) || bytes.Contains(results, []byte("| nginx ")) {
		t.Errorf("want a sentence about the missing nginx:\n%s", results)
	}
}

// TestHTTP2Load sends more requests than may be open at once, and more bytes than
// the initial flow-control window allows.
func TestHTTP2Load(t *testing.T) {
	const streams = 50
	b := quickBench(t)
	server, err := b.start(b.empty, b.server, protocolHTTP2, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	if err := b.connect(server, &row{protocol: protocolHTTP2, ownConnections: 2, streams: streams}); err != nil {
		t.Fatal(err)
	}
	request := http2Request("/count/some.key", strings.Repeat("x", 10000))
	for range 2 {
		if err := server.load.run(5*streams, func(int) []byte { return request }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnknownRowIsRejected(t *testing.T) {
	b := quickBench(t)
	if _, err := b.measureRuns(&bytes.Buffer{}, "json,xml", 1); err == nil || !strings.Contains(err.Error(), `"xml"`) {
		t.Errorf("got error %v, want one that names the row", err)
	}
}
