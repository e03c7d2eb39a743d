//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
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
	b.rounds, b.latencyRounds, b.coresRounds, b.starts = 2, 1, 2, 1
	t.Cleanup(func() {
		if err := pinSelf(cpus); err != nil {
			t.Error(err)
		}
	})
	return b
}

var missingFigures = regexp.MustCompile(`– +\| –`)

// TestEverythingIsMeasured runs all measurements for a short time. It does not
// check the figures.
func TestEverythingIsMeasured(t *testing.T) {
	b := quickBench(t)
	rows := []string{"empty", "json", "form", "token", "full", "lines", "batchjson", "https", "h2"}
	var out bytes.Buffer
	if err := b.writeAll(&out, strings.Join(rows, ",")+",latency,cores,start"); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	t.Log("\n" + text)
	for _, name := range rows {
		if !strings.Contains(text, "\n| "+name+" ") {
			t.Errorf("the row %q is missing", name)
		}
	}
	if strings.Contains(text, "lost") {
		t.Error("metrics were lost")
	}
	// Only the absent peer is not measured: in all rows except the first, and in
	// three other sections.
	got, want := 0, len(rows)-1+3
	for line := range strings.Lines(text) {
		switch {
		case strings.Contains(line, "start absent: "):
			got++
		case missingFigures.MatchString(line):
			t.Errorf("a server was not measured: %s", line)
		}
	}
	if got != want {
		t.Errorf("the absent peer has %d rows, want %d", got, want)
	}
}

// TestHTTP2Load sends more requests than may be open at once, and more bytes than
// the initial flow-control window allows.
func TestHTTP2Load(t *testing.T) {
	b := quickBench(t)
	server, err := b.start(b.empty, b.server, protocolHTTP2, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	if err := b.connect(server, protocolHTTP2); err != nil {
		t.Fatal(err)
	}
	request := http2Request("/count/some.key", strings.Repeat("x", 10000))
	for range 2 {
		if err := server.load.run(3*maxStreams, func(int) []byte { return request }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProfileNamesFunctions(t *testing.T) {
	b := quickBench(t)
	b.profileSeconds = 1
	dir := t.TempDir()
	file := filepath.Join(dir, "default.pgo")
	if err := b.writeProfile(file, dir, "json,h2"); err != nil {
		t.Fatal(err)
	}
	top, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount=1000", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range []string{"internal/transport.(*conn).serve", "internal/ingest.(*Handler).Serve"} {
		if !strings.Contains(string(top), function) {
			t.Errorf("the profile has no %s:\n%s", function, top)
		}
	}
	if err := b.writeProfile(file, dir, "json,empty"); err == nil || !strings.Contains(err.Error(), `"empty"`) {
		t.Errorf("got error %v, want one that names the row", err)
	}
}

func TestUnknownRowIsRejected(t *testing.T) {
	b := quickBench(t)
	if err := b.writeAll(&bytes.Buffer{}, "json,xml"); err == nil || !strings.Contains(err.Error(), `"xml"`) {
		t.Errorf("got error %v, want one that names the row", err)
	}
}
