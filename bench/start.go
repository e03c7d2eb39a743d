//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// writeStart measures and writes how long servers take to start, and how large
// their programs are.
func (b *bench) writeStart(w io.Writer, r *row) error {
	fmt.Fprintf(w, "\n### Start\n\nTime from the start of the program to its first response, median of %d starts.\n\n", b.starts)
	t := newTable("server", "start in ms", "±", "program in MiB", "note")
	for i, c := range append([]contender{b.empty, b.proxy}, b.peers...) {
		times, err := b.measureStart(c, r)
		if err != nil && i < 2 {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if err != nil {
			t.addError(err, c.name)
			continue
		}
		cells := []string{c.name, fmt.Sprintf("%.1f", times.median), fmt.Sprintf("%.0f %%", 100*times.spread)}
		if !c.isEmpty {
			if program, err := os.Stat(c.command[0]); err == nil { // a program in the PATH has no size here
				cells = append(cells, fmt.Sprintf("%.1f", float64(program.Size())/(1<<20)))
			}
		}
		t.add(cells...)
	}
	return t.write(w)
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
	l, err := newHTTP1Load(port, 1)
	if err != nil {
		return err
	}
	defer l.close()
	return l.run(1, r.request)
}
