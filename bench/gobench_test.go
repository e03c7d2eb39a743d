//go:build linux

package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseBenchmarks(t *testing.T) {
	got := parseBenchmarks(`goos: linux
pkg: statsd-http-proxy/test/balancers
BenchmarkHandshakes/RSA/full/proxy-2         	    3000	    634523 ns/op	       853.5 handshakes/cpu-s
BenchmarkSoak 	1	60100000000 ns/op
--- BENCH: BenchmarkSoak
    soak_test.go:46: 9 requests: 4 accepted, 5 rejected for a new series
BenchmarkHandshakes/RSA/resumed/nginx-2
ok  	statsd-http-proxy/test/balancers	10.123s
`)
	want := []benchmark{
		{"Handshakes/RSA/full/proxy", map[string]float64{"ns/op": 634523, "handshakes/cpu-s": 853.5}},
		{"Soak", map[string]float64{"ns/op": 60100000000}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestHandshakeRows(t *testing.T) {
	result := func(name string, rate float64) benchmark {
		return benchmark{name, map[string]float64{"handshakes/cpu-s": rate}}
	}
	table := newTable("certificate", "handshake", "proxy", "nginx", "ratio", "note")
	err := addHandshakes(table, []benchmark{
		result("Handshakes/RSA/full/proxy", 900), result("Handshakes/RSA/full/nginx", 1200),
		result("Handshakes/ECDSA/resumed/nginx", 2000), result("Handshakes/ECDSA/resumed/proxy", 3000),
	})
	var got strings.Builder
	if err != nil || table.write(&got) != nil {
		t.Fatal(err)
	}
	const want = "| certificate | handshake | proxy | nginx | ratio |\n" +
		"| ----------- | --------- | ----- | ----- | ----- |\n" +
		"| RSA         | full      | 900   | 1200  | 0.75  |\n" +
		"| ECDSA       | resumed   | 3000  | 2000  | 1.50  |\n"
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", &got, want)
	}
	if err := addHandshakes(table, []benchmark{result("Handshakes/RSA/full/proxy", 900)}); err == nil {
		t.Error("there is no error without the figures of nginx")
	}
}

func TestGoBenchmarkFails(t *testing.T) {
	b := quickBench(t)
	if got, err := b.runGoBenchmark("Absent", "bench", "1x"); err == nil {
		t.Errorf("a benchmark that does not exist: got %v, want an error", got)
	}
}
