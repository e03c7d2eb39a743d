//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// benchmark is a result of a Go benchmark.
type benchmark struct {
	name    string             // without the prefix Benchmark and the number of processors
	metrics map[string]float64 // by unit
}

// runGoBenchmark runs a benchmark of another package in a process of its own, on all
// processors, and returns the results of it and its sub-benchmarks. runs is the
// number of operations, such as 100x.
func (b *bench) runGoBenchmark(name, pkg, runs string) ([]benchmark, error) {
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", "^Benchmark"+name+"$", "-benchtime", runs, "statsd-http-proxy/"+pkg)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := startOn(cmd, slices.Concat(b.server, b.client))
	if err == nil {
		err = cmd.Wait()
	}
	results := parseBenchmarks(stdout.String())
	if err == nil && len(results) == 0 {
		err = errors.New("there is no result")
	}
	if err != nil {
		return nil, fmt.Errorf("run the benchmark %s: %w\n%s%s", name, err, &stdout, &stderr)
	}
	return results, nil
}

// parseBenchmarks returns the results in the output of go test -bench. A result is a
// line such as this one:
//
//	BenchmarkHandshakes/RSA/full/proxy-2   3000   1017 ns/op   853 handshakes/cpu-s
func parseBenchmarks(output string) []benchmark {
	var results []benchmark
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		name, isBenchmark := strings.CutPrefix(fields[0], "Benchmark")
		if _, err := strconv.Atoi(fields[1]); err != nil || !isBenchmark {
			continue
		}
		if i := strings.LastIndexByte(name, '-'); i >= 0 {
			name = name[:i]
		}
		result := benchmark{name, map[string]float64{}}
		for pair := range slices.Chunk(fields[2:], 2) {
			if value, err := strconv.ParseFloat(pair[0], 64); err == nil && len(pair) == 2 {
				result.metrics[pair[1]] = value
			}
		}
		results = append(results, result)
	}
	return results
}

// measureHandshakes measures TLS handshakes of the proxy and of nginx.
func (b *bench) measureHandshakes(*row) ([]part, error) {
	const text = "\n### TLS handshakes\n\n" +
		"Handshakes for which one second of CPU time suffices. Each connection carries one request. TLS 1.3.\n"
	t := newTable("certificate", "handshake", "proxy", "nginx", "ratio", "note")
	if b.nginx.name == "" {
		t.addError(errors.New("nginx is not installed"))
		return []part{{text: text, table: t}}, nil
	}
	results, err := b.runGoBenchmark("Handshakes", "test/balancers", fmt.Sprintf("%dx", b.handshakes))
	if err != nil {
		return nil, err
	}
	if err := addHandshakes(t, results); err != nil {
		return nil, err
	}
	return []part{{text: text, table: t}}, nil
}

// addHandshakes adds the results of BenchmarkHandshakes. Those of the proxy and of nginx
// for the same kind of handshake become a row.
func addHandshakes(t *table, results []benchmark) error {
	const unit = "handshakes/cpu-s"
	rates := map[string]float64{}
	for _, result := range results {
		rates[result.name] = result.metrics[unit]
	}
	for _, result := range results {
		kind, isProxy := strings.CutSuffix(result.name, "/proxy")
		if !isProxy {
			continue
		}
		words := strings.Split(kind, "/")
		proxy, nginx := rates[kind+"/proxy"], rates[kind+"/nginx"]
		if len(words) != 3 || proxy == 0 || nginx == 0 {
			return fmt.Errorf("the benchmark %s has no %s of both servers", kind, unit)
		}
		t.add(textCell(words[1]), textCell(words[2]), figure(proxy, 0, ""), figure(nginx, 0, ""), figure(proxy/nginx, 2, ""))
	}
	return nil
}

// measureMemory measures the memory of the proxy under load.
func (b *bench) measureMemory(*row) ([]part, error) {
	results, err := b.runGoBenchmark("Soak", "test/process", "1x")
	if err != nil {
		return nil, err
	}
	const text = "\n### Memory\n\nMemory in MiB under requests with names, tokens and client addresses that never repeat, as fast as the proxy takes them.\n"
	t := newTable("server", "after 5 s", "after 60 s", "requests/s")
	metrics := results[0].metrics
	t.add(textCell(b.proxy.name), figure(metrics["MiB-settled"], 1, ""), figure(metrics["MiB-end"], 1, ""), figure(metrics["requests/s"], 0, ""))
	return []part{{text: text, table: t}}, nil
}
