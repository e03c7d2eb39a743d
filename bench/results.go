//go:build linux

package main

import "io"

// part is a part of the results: a text in Markdown and the table after it.
type part struct {
	text  string
	table *table

	// spread follows the text if the table has the columns for the spread within a run.
	spread string
}

func writeParts(w io.Writer, parts []part) error {
	for _, p := range parts {
		text := p.text
		if p.table.runs == 1 {
			text += p.spread
		}
		if _, err := io.WriteString(w, text+"\n"); err != nil {
			return err
		}
		if err := p.table.write(w); err != nil {
			return err
		}
	}
	return nil
}

// mergeParts adds the figures of another run to parts. Both runs have measured the same.
func mergeParts(parts, other []part) {
	for i, p := range other {
		parts[i].table.merge(p.table)
	}
}
