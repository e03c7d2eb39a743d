//go:build linux

// Command bench measures the CPU time that the proxy takes for a request, and
// compares it with the CPU time of an empty server for the same request. Each
// server is a process on a processor of its own, which the load does not use.
// The servers get requests in turns; the results are medians of many rounds.
//
// With -profile it writes a CPU profile of the proxy instead, see make pgo.
//
// The output is Markdown. With -markdown it also replaces the generated part of
// a document.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// peerFlag collects the values of -peer, name=command.
type peerFlag []contender

func (p *peerFlag) String() string { return "" }

func (p *peerFlag) Set(s string) error {
	name, command, ok := strings.Cut(s, "=")
	words := strings.Fields(command)
	if !ok || name == "" || len(words) == 0 {
		return errors.New("want name=command")
	}
	*p = append(*p, contender{name: name, command: words})
	return nil
}

func run(args []string, stdout io.Writer) error {
	if len(args) == 5 && args[0] == "empty" { // startProcess runs this program as the empty server
		return serveEmpty(args[1], args[2], args[3], args[4])
	}
	var peers peerFlag
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	names := flags.String("rows", "", "measure only these rows and sections, like `json,latency`")
	rounds := flags.Int("rounds", 600, "number of rounds")
	connections := flags.Int("connections", 32, "number of connections")
	binary := flags.String("proxy", "", "program to measure instead of one built from the sources")
	markdown := flags.String("markdown", "", "replace the generated part of this `file`, which encloses it in two marker comments")
	profile := flags.String("profile", "", "measure nothing, write a CPU profile of the rows to this `file` instead")
	flags.Var(&peers, "peer", "also measure another proxy with the same flags, like `name=command`")
	_ = flags.Parse(args) // exits on errors
	if *markdown != "" && *names != "" {
		return errors.New("-markdown needs a run of everything: leave out -rows")
	}
	if *markdown != "" { // an error after the run would come late
		if _, _, err := splitDocument(*markdown); err != nil {
			return err
		}
	}

	cpus, err := processors()
	if err != nil {
		return err
	}
	if len(cpus) < 2 {
		return errors.New("want two processors, one for the server and one for the load")
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if *binary == "" {
		*binary = filepath.Join(dir, "statsd-http-proxy")
		if err := build(*binary); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b, err := newBench(self, *binary, dir, cpus, peers)
	if err != nil {
		return err
	}
	b.connections = *connections
	b.rounds = *rounds
	if *profile != "" {
		return b.writeProfile(*profile, dir, *names)
	}
	var results bytes.Buffer
	if err := b.writeAll(io.MultiWriter(stdout, &results), *names); err != nil || *markdown == "" {
		return err
	}
	return replaceGenerated(*markdown, results.Bytes())
}

// newBench returns a bench with the usual number of measurements. It writes files
// into dir. program is this program, which is also the empty server.
func newBench(program, proxy, dir string, cpus []int, peers []contender) (*bench, error) {
	cert, key, err := writeCertificate(dir)
	if err != nil {
		return nil, fmt.Errorf("write a certificate: %w", err)
	}
	return &bench{
		empty:          contender{name: "empty", command: []string{program, "empty"}, isEmpty: true},
		proxy:          contender{name: "proxy", command: []string{proxy}},
		peers:          peers,
		connections:    32,
		warmupRounds:   20,
		rounds:         600,
		latencyRounds:  10,
		coresRounds:    30,
		starts:         20,
		profileSeconds: 8,
		cert:           cert,
		key:            key,
		server:         cpus[:1],
		client:         cpus[1:],
	}, nil
}

// build builds the proxy as the Makefile does.
func build(to string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "statsd-http-proxy/cmd/statsd-http-proxy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the proxy: %w\n%s", err, output)
	}
	return nil
}

// writeAll measures and writes the rows and sections in names, a comma-separated
// list. An empty list means all.
func (b *bench) writeAll(w io.Writer, names string) error {
	rows, err := newRows()
	if err != nil {
		return err
	}
	jsonRow := rows[slices.IndexFunc(rows, func(r row) bool { return r.name == "json" })]
	sections := []struct {
		name  string
		write func(io.Writer, *row) error
	}{{"latency", b.writeLatency}, {"cores", b.writeCores}, {"start", b.writeStart}}

	isSelected := func(string) bool { return true }
	if names != "" {
		var known []string
		for _, r := range rows {
			known = append(known, r.name)
		}
		for _, s := range sections {
			known = append(known, s.name)
		}
		selected := strings.Split(names, ",")
		for _, name := range selected {
			if !slices.Contains(known, name) {
				return fmt.Errorf("invalid row %q: want %s", name, strings.Join(known, ", "))
			}
		}
		isSelected = func(name string) bool { return slices.Contains(selected, name) }
	}
	if err := pinSelf(b.client); err != nil {
		return err
	}
	fmt.Fprintf(w, "Measured on %s with %s.\n", time.Now().Format(time.DateOnly), machine(len(b.server)+len(b.client)))
	rows = slices.DeleteFunc(rows, func(r row) bool { return !isSelected(r.name) })
	if len(rows) > 0 {
		if err := b.writeCosts(w, rows); err != nil {
			return err
		}
	}
	for _, s := range sections {
		if isSelected(s.name) {
			if err := s.write(w, &jsonRow); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}
