//go:build linux

package main

import "fmt"

// costLegend explains the columns of a costTable.
const costLegend = `
- **CPU µs**: CPU time of the server's processes for one request.
- **× empty**: CPU time divided by that of the empty server in the same round. For batches: CPU time of one metric beyond
  the empty server's time for the same bytes.
- **mean**: the mean of × empty. It includes rare work, such as garbage collections.
- **× nginx**: CPU time divided by that of nginx in the same round, also for batches.
- **goal**: the maximum that the project accepts of the figure to the left.
- **busy**: part of the time in which the server worked. Below 90 % the load was too slow for this server, or other
  programs needed its processor.
`

// costSpread explains the columns that only single runs have.
const costSpread = `- **±**: half of the interquartile range of the rounds.
- **95 % interval**: the confidence interval of the median to the left.
`

// costTable is the table of what requests cost.
type costTable struct{ *table }

func newCostTable() costTable {
	return costTable{newTable("request", "server", "CPU µs", spreadColumn, "× empty", intervalColumn, "mean", "goal",
		"× nginx", intervalColumn, "goal", "requests/s", "busy", "note")}
}

// addRow adds the costs of a row's servers. The first of them is the empty
// server.
func (t costTable) addRow(r *row, all []*costs) {
	var nginx *costs
	for _, c := range all {
		if c.kind == kindNginx && c.err == nil {
			nginx = c
		}
	}
	for _, c := range all {
		if c.err != nil {
			t.addError(c.err, r.name, c.name)
			continue
		}
		cells := []cell{textCell(r.name), textCell(c.name)}
		cpu, rate, busy := summarize(c.cpu), summarize(c.rate), summarize(c.busy)
		cells = append(cells, figure(cpu.median, 2, ""), figure(100*cpu.spread, 1, " %"))
		cells = append(cells, c.emptyCells(r, all[0])...)
		cells = append(cells, c.nginxCells(r, nginx)...)
		cells = append(cells, figure(rate.median, 0, ""), figure(100*busy.median, 0, " %"))
		if c.lost > 0 {
			cells = append(cells, textCell(fmt.Sprintf("%d metrics lost", c.lost)))
		}
		t.add(cells...)
	}
}

// emptyCells returns the four cells that compare c with the empty server.
func (c *costs) emptyCells(r *row, empty *costs) []cell {
	switch {
	case c == empty, r.metrics > 1 && c.kind == kindNginx: // nginx does not read the metrics
		return make([]cell, 4)
	case r.metrics > 1:
		perMetric := c.perMetric(empty, r.metrics)
		mean := (mean(c.cpu) - mean(empty.cpu)) / float64(r.metrics)
		return []cell{figure(perMetric.median, 3, " µs"), interval(perMetric, 3), figure(mean, 3, " µs"), c.goal(r.maxPerMetric, " µs")}
	}
	ratio := c.ratio(empty)
	return []cell{figure(ratio.median, 3, ""), interval(ratio, 3), figure(mean(c.cpu)/mean(empty.cpu), 3, ""), c.goal(r.maxRatio, "")}
}

// nginxCells returns the three cells that compare c with nginx, which is nil if it
// was not measured.
func (c *costs) nginxCells(r *row, nginx *costs) []cell {
	if nginx == nil || c.kind != kindProxy {
		return make([]cell, 3)
	}
	ratio := c.ratio(nginx)
	return []cell{figure(ratio.median, 3, ""), interval(ratio, 3), c.goal(r.maxNginx, "")}
}

// goal returns the cell of a maximum for proxies; it is empty for none.
func (c *costs) goal(maximum float64, unit string) cell {
	if maximum == 0 || c.kind != kindProxy {
		return cell{}
	}
	return textCell(fmt.Sprintf("%.2f%s", maximum, unit))
}
