//go:build linux

// Command bench measures the CPU time that the proxy takes for a request, and
// compares it with the CPU times of an empty server and of nginx for the same
// request. Each server is a process on a processor of its own, which the load does
// not use. The servers get requests in turns; the results are medians of many rounds.
//
// The output is Markdown. Of several runs it shows each one and then the ranges of
// their figures. With -markdown it also replaces the generated part of a document.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	rounds := flags.Int("rounds", 400, "number of rounds")
	runs := flags.Int("runs", 1, "number of runs")
	connections := flags.Int("connections", 32, "number of connections")
	binary := flags.String("proxy", "", "program to measure instead of one built from the sources")
	markdown := flags.String("markdown", "", "replace the generated part of this `file`, which encloses it in two marker comments")
	flags.Var(&peers, "peer", "also measure another proxy with the same flags, like `name=command`")
	_ = flags.Parse(args) // exits on errors
	if *runs < 1 || *rounds < 2 {
		return errors.New("want at least one run of two rounds")
	}
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
	results, err := b.measureRuns(stdout, *names, *runs)
	if err != nil || *markdown == "" {
		return err
	}
	return replaceGenerated(*markdown, results)
}

// newBench returns a bench with the usual number of measurements. It writes files
// into dir. program is this program, which is also the empty server.
func newBench(program, proxy, dir string, cpus []int, peers []contender) (*bench, error) {
	cert, key, err := writeCertificate(dir)
	if err != nil {
		return nil, fmt.Errorf("write a certificate: %w", err)
	}
	var nginx contender
	if path := findNginx(); path != "" {
		nginx = contender{name: "nginx", command: []string{path}, kind: kindNginx}
	}
	return &bench{
		empty:         contender{name: "empty", command: []string{program, "empty"}, kind: kindEmpty},
		proxy:         contender{name: "proxy", command: []string{proxy}},
		nginx:         nginx,
		peers:         peers,
		connections:   32,
		warmupRounds:  20,
		rounds:        400,
		latencyRounds: 10,
		coresRounds:   30,
		starts:        20,
		handshakes:    3000,
		dir:           dir,
		cert:          cert,
		key:           key,
		server:        cpus[:1],
		client:        cpus[1:],
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
