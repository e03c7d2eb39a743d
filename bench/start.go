//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// showStart shows how long the servers take from their start to the first
// answer, and how large the proxy is.
func (b *bench) showStart(w io.Writer, r *row) error {
	fmt.Fprintf(w, "\nStart to the first answer in ms, median of %d starts, and size in MiB\n\n", b.starts)
	t := newTable(w, "server", "start", "±", "size")
	for i, c := range append([]contender{b.empty, b.proxy}, b.peers...) {
		took, err := b.measureStart(c, r)
		if err != nil && i < 2 {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if err != nil {
			t.failed(err, c.name)
			continue
		}
		cells := []string{c.name, fmt.Sprintf("%.1f", took.median), fmt.Sprintf("%.0f %%", 100*took.spread)}
		if !c.empty {
			if binary, err := os.Stat(c.command[0]); err == nil { // it may stand in the PATH
				cells = append(cells, fmt.Sprintf("%.1f", float64(binary.Size())/(1<<20)))
			}
		}
		t.line(cells...)
	}
	return t.Flush()
}

func (b *bench) measureStart(c contender, r *row) (summary, error) {
	cpus := slices.Concat(b.server, b.client)
	var took []float64
	for range b.starts {
		start := time.Now()
		server, err := b.start(c, cpus, plain, r.options)
		if err != nil {
			return summary{}, err
		}
		err = firstAnswer(server.port, r)
		took = append(took, time.Since(start).Seconds()*1e3)
		server.stop()
		if err != nil {
			return summary{}, err
		}
	}
	return summarize(took), nil
}

func firstAnswer(port int, r *row) error {
	l, err := newPlainLoad(port, 1)
	if err != nil {
		return err
	}
	defer l.close()
	return l.run(1, r.request)
}
