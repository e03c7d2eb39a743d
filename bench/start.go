//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// measureStarts measures how long servers take to start, and how large
// their programs are.
func (b *bench) measureStarts(r *row) ([]part, error) {
	text := fmt.Sprintf("\n### Start\n\nTime from the start of the program to its first response, median of %d starts.\n", b.starts)
	t := newTable("server", "start in ms", spreadColumn, "program in MiB", "note")
	for i, c := range append([]contender{b.empty, b.proxy}, b.peers...) {
		times, err := b.measureStart(c, r)
		if err != nil && i < 2 {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		if err != nil {
			t.addError(err, c.name)
			continue
		}
		cells := []cell{textCell(c.name), figure(times.median, 1, ""), figure(100*times.spread, 0, " %")}
		if c.kind == kindProxy {
			if program, err := os.Stat(c.command[0]); err == nil { // a program in the PATH has no size here
				cells = append(cells, figure(float64(program.Size())/(1<<20), 1, ""))
			}
		}
		t.add(cells...)
	}
	return []part{{text: text, table: t}}, nil
}

// measureStart starts c several times and returns the times in ms.
func (b *bench) measureStart(c contender, r *row) (summary, error) {
	cpus := slices.Concat(b.server, b.client)
	var times []float64
	for range b.starts {
		start := time.Now()
		server, err := b.start(c, cpus, protocolHTTP1, r.options)
		if err != nil {
			return summary{}, err
		}
		err = firstResponse(server.port, r)
		times = append(times, time.Since(start).Seconds()*1e3)
		server.stop()
		if err != nil {
			return summary{}, err
		}
	}
	return summarize(times), nil
}

// firstResponse sends a request and waits for the response.
func firstResponse(port int, r *row) error {
	l, err := newLoad(protocolHTTP1, port, 1, 1)
	if err != nil {
		return err
	}
	defer l.close()
	return l.run(1, r.request)
}
