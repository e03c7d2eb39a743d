//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// notMeasured is the text of a cell without a figure.
const notMeasured = "–"

// table is a Markdown table. Its first row has the names of the columns.
type table struct{ rows [][]string }

func newTable(columns ...string) *table {
	t := new(table)
	t.add(columns...)
	return t
}

// add adds a row. Missing cells are empty.
func (t *table) add(cells ...string) {
	row := make([]string, max(len(cells), t.columns()))
	for i, cell := range cells {
		row[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell)
	}
	t.rows = append(t.rows, row)
}

// addError adds a row for a server that was not measured. The first cells are
// given, and the last cell has the error.
func (t *table) addError(err error, cells ...string) {
	for len(cells) < t.columns()-1 {
		cells = append(cells, notMeasured)
	}
	reason, _, _ := strings.Cut(err.Error(), "\n")
	t.add(append(cells, reason)...)
}

func (t *table) columns() int {
	if len(t.rows) == 0 {
		return 0
	}
	return len(t.rows[0])
}

// write writes the table to w with aligned columns. It leaves out columns that
// are empty except for their names.
func (t *table) write(w io.Writer) error {
	widths := make([]int, t.columns())
	for column := range widths {
		for _, row := range t.rows[1:] {
			widths[column] = max(widths[column], utf8.RuneCountInString(row[column]))
		}
		if widths[column] > 0 {
			widths[column] = max(widths[column], utf8.RuneCountInString(t.rows[0][column]))
		}
	}
	var text strings.Builder
	for i, row := range t.rows {
		text.WriteString("|")
		for column, width := range widths {
			if width > 0 {
				fmt.Fprintf(&text, " %-*s |", width, row[column])
			}
		}
		text.WriteString("\n")
		if i > 0 {
			continue
		}
		text.WriteString("|")
		for _, width := range widths {
			if width > 0 {
				fmt.Fprintf(&text, " %s |", strings.Repeat("-", width))
			}
		}
		text.WriteString("\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// costTable is the table of what requests cost.
type costTable struct{ *table }

func newCostTable() costTable {
	return costTable{newTable("request", "server", "CPU µs", "±", "ratio", "95 % interval", "mean", "goal", "requests/s", "busy", "note")}
}

// addRow adds the costs of a row's servers. The first of them is the empty
// server.
func (t costTable) addRow(r *row, all []*costs) {
	for _, c := range all {
		if c.err != nil {
			t.addError(c.err, r.name, c.name)
			continue
		}
		t.add(append([]string{r.name, c.name}, c.cells(r, all[0])...)...)
	}
}

// cells returns the cells after the names: the costs of c, compared with base.
func (c *costs) cells(r *row, base *costs) []string {
	cpu, rate, busy := summarize(c.cpu), summarize(c.rate), summarize(c.busy)
	cells := []string{fmt.Sprintf("%.2f", cpu.median), fmt.Sprintf("%.1f %%", 100*cpu.spread)}
	switch {
	case c == base:
		cells = append(cells, "", "", "", "")
	case r.maxPerMetric > 0:
		perMetric := c.perMetric(base, r.metrics)
		mean := (mean(c.cpu) - mean(base.cpu)) / float64(r.metrics)
		cells = append(cells, fmt.Sprintf("+%.3f µs", perMetric.median), fmt.Sprintf("%.3f–%.3f", perMetric.low, perMetric.high),
			fmt.Sprintf("+%.3f µs", mean), fmt.Sprintf("+%.2f µs", r.maxPerMetric))
	default:
		ratio := c.ratio(base)
		cells = append(cells, fmt.Sprintf("%.3f", ratio.median), fmt.Sprintf("%.3f–%.3f", ratio.low, ratio.high),
			fmt.Sprintf("%.3f", mean(c.cpu)/mean(base.cpu)), formatGoal(r.maxRatio))
	}
	cells = append(cells, fmt.Sprintf("%.0f", rate.median), fmt.Sprintf("%.0f %%", 100*busy.median))
	if c.lost > 0 {
		cells = append(cells, fmt.Sprintf("%d metrics lost", c.lost))
	}
	return cells
}

// formatGoal returns the text for a maximum ratio; it is empty for none.
func formatGoal(maxRatio float64) string {
	if maxRatio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", maxRatio)
}
