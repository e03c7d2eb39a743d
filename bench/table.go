//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table lines up its cells when it is flushed.
type table struct {
	*tabwriter.Writer
	columns int
}

func newTable(w io.Writer, columns ...string) table {
	t := table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), len(columns)}
	t.line(columns...)
	return t
}

// line adds a line. What it has more cells than there are columns stands behind
// the table.
func (t table) line(cells ...string) {
	for len(cells) < t.columns+1 {
		cells = append(cells, "")
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
}

// failed adds a line that says why there are no figures behind the given cells.
func (t table) failed(err error, cells ...string) {
	for len(cells) < t.columns {
		cells = append(cells, "–")
	}
	reason, _, _ := strings.Cut(err.Error(), "\n")
	t.line(append(cells, reason)...)
}

// costTable shows what requests cost.
type costTable struct{ table }

func newCostTable(w io.Writer) costTable {
	return costTable{newTable(w, "request", "server", "µs of CPU", "±", "× empty", "95 %", "mean", "at most", "requests/s", "busy")}
}

// row adds the costs of a row, whose first is the empty server's.
func (t costTable) row(r *row, all []*costs) {
	for i, c := range all {
		cells := []string{"", c.name}
		if i == 0 {
			cells[0] = r.name
		}
		if c.err != nil {
			t.failed(c.err, cells...)
			continue
		}
		t.line(append(cells, c.cells(r, all[0])...)...)
	}
}

func (c *costs) cells(r *row, base *costs) []string {
	cpu, rate, busy := summarize(c.cpu), summarize(c.rate), summarize(c.busy)
	cells := []string{fmt.Sprintf("%.2f", cpu.median), fmt.Sprintf("%.1f %%", 100*cpu.spread)}
	switch {
	case c == base:
		cells = append(cells, "", "", "", "")
	case r.extra > 0:
		extra := c.extra(base, r.metrics)
		mean := (mean(c.cpu) - mean(base.cpu)) / float64(r.metrics)
		cells = append(cells, fmt.Sprintf("+ %.3f µs a metric", extra.median), fmt.Sprintf("%.3f–%.3f", extra.low, extra.high),
			fmt.Sprintf("%.3f", mean), fmt.Sprintf("%.2f µs", r.extra))
	default:
		ratio := c.ratio(base)
		cells = append(cells, fmt.Sprintf("%.3f", ratio.median), fmt.Sprintf("%.3f–%.3f", ratio.low, ratio.high),
			fmt.Sprintf("%.3f", mean(c.cpu)/mean(base.cpu)), atMost(r.ratio))
	}
	cells = append(cells, fmt.Sprintf("%.0f", rate.median), fmt.Sprintf("%.0f %%", 100*busy.median))
	if c.lost > 0 {
		cells = append(cells, fmt.Sprintf("%d metrics lost", c.lost))
	}
	return cells
}

func atMost(limit float64) string {
	if limit == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", limit)
}
