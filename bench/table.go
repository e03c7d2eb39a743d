//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// notMeasured is the text of a cell without a figure.
const notMeasured = "–"

// Columns with these names say how much a figure varies within a run. A table of
// several runs leaves them out, because its figures are ranges.
const (
	spreadColumn   = "±"
	intervalColumn = "95 % interval"
)

// cell is a cell of a table: a text or a figure.
type cell struct {
	text   string
	values []float64 // the figure in each run; none for a text
	digits int       // digits of the figure after the decimal point
	unit   string    // follows the figure
}

func textCell(text string) cell { return cell{text: text} }

// figure returns a cell with a figure of one run.
func figure(value float64, digits int, unit string) cell {
	return cell{values: []float64{value}, digits: digits, unit: unit}
}

// interval returns the cell of a figure's confidence interval.
func interval(s summary, digits int) cell {
	return cell{values: []float64{s.low, s.high}, digits: digits}
}

// String returns the text, or the range of the figures.
func (c cell) String() string {
	if len(c.values) == 0 {
		return strings.NewReplacer("|", `\|`, "\n", " ").Replace(c.text)
	}
	low := strconv.FormatFloat(slices.Min(c.values), 'f', c.digits, 64)
	high := strconv.FormatFloat(slices.Max(c.values), 'f', c.digits, 64)
	if low == high {
		return low + c.unit
	}
	return low + "–" + high + c.unit
}

// merge adds the same cell of another run. A figure replaces the text of a run that
// has none. Different texts are joined.
func (c *cell) merge(other cell) {
	switch {
	case len(other.values) > 0:
		c.values = append(c.values, other.values...)
		c.digits, c.unit = other.digits, other.unit
	case c.text == "":
		c.text = other.text
	case !strings.Contains(c.text, other.text):
		c.text += "; " + other.text
	}
}

// table is a Markdown table. Its first row has the names of the columns.
type table struct {
	rows [][]cell
	runs int
}

func newTable(columns ...string) *table {
	t := &table{runs: 1}
	names := make([]cell, len(columns))
	for i, name := range columns {
		names[i] = textCell(name)
	}
	t.add(names...)
	return t
}

// add adds a row. Missing cells are empty.
func (t *table) add(cells ...cell) {
	row := make([]cell, max(len(cells), t.columns()))
	copy(row, cells)
	t.rows = append(t.rows, row)
}

// addError adds a row for a server that was not measured. The first cells are
// given, and the last cell has the error.
func (t *table) addError(err error, names ...string) {
	row := make([]cell, t.columns())
	for i := range row {
		row[i] = textCell(notMeasured)
	}
	for i, name := range names {
		row[i] = textCell(name)
	}
	reason, _, _ := strings.Cut(err.Error(), "\n")
	row[len(row)-1] = textCell(reason)
	t.add(row...)
}

func (t *table) columns() int {
	if len(t.rows) == 0 {
		return 0
	}
	return len(t.rows[0])
}

// merge adds the figures of another run's table with the same rows.
func (t *table) merge(other *table) {
	t.runs += other.runs
	for i, row := range other.rows {
		for column, c := range row {
			t.rows[i][column].merge(c)
		}
	}
}

// write writes the table to w with aligned columns. It leaves out columns that
// are empty except for their names.
func (t *table) write(w io.Writer) error {
	texts := make([][]string, len(t.rows))
	for i, row := range t.rows {
		for _, c := range row {
			texts[i] = append(texts[i], c.String())
		}
	}
	widths := make([]int, t.columns())
	for column, name := range texts[0] {
		if t.runs > 1 && (name == spreadColumn || name == intervalColumn) {
			continue
		}
		for _, row := range texts[1:] {
			widths[column] = max(widths[column], utf8.RuneCountInString(row[column]))
		}
		if widths[column] > 0 {
			widths[column] = max(widths[column], utf8.RuneCountInString(name))
		}
	}
	var out strings.Builder
	for i, row := range texts {
		out.WriteString("|")
		for column, width := range widths {
			if width > 0 {
				fmt.Fprintf(&out, " %-*s |", width, row[column])
			}
		}
		out.WriteString("\n")
		if i > 0 {
			continue
		}
		out.WriteString("|")
		for _, width := range widths {
			if width > 0 {
				fmt.Fprintf(&out, " %s |", strings.Repeat("-", width))
			}
		}
		out.WriteString("\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}
