//go:build linux

// Command bench measures what the proxy costs: the processor time of a request
// as a multiple of what an empty server takes for the same request. Servers run
// as processes of their own, on processors that the load leaves alone, and have
// their turns in rounds; what is shown are medians over the rounds.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// peerFlag collects -peer name=command.
type peerFlag []contender

func (p *peerFlag) String() string { return "" }

func (p *peerFlag) Set(s string) error {
	name, command, ok := strings.Cut(s, "=")
	words := strings.Fields(command)
	if !ok || name == "" || len(words) == 0 {
		return errors.New("is not like name=command")
	}
	*p = append(*p, contender{name: name, command: words})
	return nil
}

func run(args []string, stdout io.Writer) error {
	if len(args) == 5 && args[0] == "empty" { // the benchmark starts itself so
		return serveEmpty(args[1], args[2], args[3], args[4])
	}
	var peers peerFlag
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	only := flags.String("rows", "", "measure these rows and parts only, like `json,latency`")
	rounds := flags.Int("rounds", 600, "how many rounds")
	connections := flags.Int("connections", 32, "over how many connections")
	binary := flags.String("proxy", "", "program to measure instead of one that is built from the sources")
	flags.Var(&peers, "peer", "measure another proxy too, like `name=command`; it understands the flags of the specification")
	_ = flags.Parse(args) // it exits

	cpus, err := processors()
	if err != nil {
		return err
	}
	if len(cpus) < 2 {
		return errors.New("it takes two processors, one for the server and one for the load")
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
	return b.show(stdout, *only)
}

// newBench returns a bench with the usual amounts of everything. It writes into
// dir, and starts program itself as the empty server.
func newBench(program, proxy, dir string, cpus []int, peers []contender) (*bench, error) {
	cert, key, err := writeCertificate(dir)
	if err != nil {
		return nil, fmt.Errorf("write a certificate: %w", err)
	}
	return &bench{
		empty:         contender{name: "empty", command: []string{program, "empty"}, empty: true},
		proxy:         contender{name: "proxy", command: []string{proxy}},
		peers:         peers,
		connections:   32,
		warmRounds:    20,
		rounds:        600,
		latencyRounds: 10,
		coresRounds:   30,
		starts:        20,
		cert:          cert,
		key:           key,
		server:        cpus[:1],
		client:        cpus[1:],
	}, nil
}

// build builds the proxy as make does.
func build(to string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "statsd-http-proxy/cmd/statsd-http-proxy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the proxy: %w\n%s", err, output)
	}
	return nil
}

// show measures and shows the rows and parts with the given names, which commas
// separate; all if there is none.
func (b *bench) show(w io.Writer, names string) error {
	rows, err := newRows()
	if err != nil {
		return err
	}
	one := rows[slices.IndexFunc(rows, func(r row) bool { return r.name == "json" })]
	parts := []struct {
		name string
		show func(io.Writer, *row) error
	}{{"latency", b.showLatency}, {"cores", b.showCores}, {"start", b.showStart}}

	wanted := strings.Split(names, ",")
	for _, name := range wanted {
		known := name == "" || slices.ContainsFunc(rows, func(r row) bool { return r.name == name })
		for _, p := range parts {
			known = known || p.name == name
		}
		if !known {
			return fmt.Errorf("there is no row %q", name)
		}
	}
	if err := pinSelf(b.client); err != nil {
		return err
	}
	isWanted := func(name string) bool { return names == "" || slices.Contains(wanted, name) }

	rows = slices.DeleteFunc(rows, func(r row) bool { return !isWanted(r.name) })
	if err := b.showCosts(w, rows); err != nil {
		return err
	}
	for _, p := range parts {
		if isWanted(p.name) {
			if err := p.show(w, &one); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// showCosts shows what a request of each row costs.
func (b *bench) showCosts(w io.Writer, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(w, "Processor time of a request on one core, over %d connections; median of %d rounds\n\n", b.connections, b.rounds)
	for _, r := range rows {
		fmt.Fprintf(w, "  %-9s  %s\n", r.name, r.what)
	}
	fmt.Fprintln(w)
	t := newCostTable(w)
	for i := range rows {
		all, err := b.measure(&rows[i])
		if err != nil {
			return fmt.Errorf("row %s: %w", rows[i].name, err)
		}
		t.row(&rows[i], all)
	}
	return t.Flush()
}
