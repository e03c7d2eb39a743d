//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// section is a section of the results.
type section struct {
	name    string
	measure func(*row) ([]part, error) // all sections use the row json
}

// measureRuns measures the rows and sections in names, a comma-separated list. An empty
// list means all. It writes the results to w as soon as it has them. After several
// runs it also writes the ranges of their figures. It returns the last results that
// it has written.
func (b *bench) measureRuns(w io.Writer, names string, runs int) ([]byte, error) {
	rows, err := newRows()
	if err != nil {
		return nil, err
	}
	jsonRow := rows[slices.IndexFunc(rows, func(r row) bool { return r.name == "json" })]
	sections := []section{
		{"latency", b.measureLatency}, {"cores", b.measureSecondCore}, {"start", b.measureStarts},
		{"handshakes", b.measureHandshakes}, {"memory", b.measureMemory},
	}
	if names != "" {
		if rows, sections, err = selectNames(rows, sections, strings.Split(names, ",")); err != nil {
			return nil, err
		}
	}
	if len(rows) > 0 {
		costs := section{"costs", func(*row) ([]part, error) { return b.measureCosts(rows) }}
		sections = slices.Insert(sections, 0, costs)
	}
	if err := pinSelf(b.client); err != nil {
		return nil, err
	}
	measured := fmt.Sprintf("Measured on %s with %s", time.Now().Format(time.DateOnly), machine(len(b.server)+len(b.client)))
	var results bytes.Buffer
	var all []part
	for number := range runs {
		results.Reset()
		out := io.MultiWriter(w, &results)
		if runs == 1 {
			fmt.Fprintf(out, "%s.\n", measured)
		} else {
			fmt.Fprintf(out, "## Run %d of %d\n", number+1, runs)
		}
		var parts []part
		for _, s := range sections {
			added, err := s.measure(&jsonRow)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if err := writeParts(out, added); err != nil {
				return nil, err
			}
			parts = append(parts, added...)
		}
		if number == 0 {
			all = parts
		} else {
			mergeParts(all, parts)
		}
		fmt.Fprintln(out)
	}
	if runs > 1 {
		results.Reset()
		fmt.Fprintf(&results, "%s, in %d runs. A figure with two numbers is the range from the lowest to the highest run.\n", measured, runs)
		if err := writeParts(&results, all); err != nil {
			return nil, err
		}
		fmt.Fprintf(w, "## All runs\n\n%s", &results)
	}
	return results.Bytes(), nil
}

// selectNames returns the rows and sections with the given names, in their own order. It
// returns an error for a name that none has.
func selectNames(rows []row, sections []section, names []string) ([]row, []section, error) {
	var known []string
	for _, r := range rows {
		known = append(known, r.name)
	}
	for _, s := range sections {
		known = append(known, s.name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, nil, fmt.Errorf("invalid row %q: want %s", name, strings.Join(known, ", "))
		}
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return !slices.Contains(names, r.name) })
	sections = slices.DeleteFunc(sections, func(s section) bool { return !slices.Contains(names, s.name) })
	return rows, sections, nil
}
