//go:build linux

package main

import (
	"errors"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	f := func(want string, fills ...func(*table)) {
		t.Helper()
		var all *table
		for _, fill := range fills {
			run := newTable("server", "µs", spreadColumn, "note")
			fill(run)
			if all == nil {
				all = run
			} else {
				all.merge(run)
			}
		}
		var got strings.Builder
		if err := all.write(&got); err != nil || got.String() != want {
			t.Errorf("got %v\n%swant\n%s", err, got.String(), want)
		}
	}
	f("| server | µs    |\n| ------ | ----- |\n| empty  | 10.25 |\n| proxy  |       |\n", func(t *table) {
		t.add(textCell("empty"), textCell("10.25"))
		t.add(textCell("proxy"))
	})
	f("| server | µs | ± | note      |\n| ------ | -- | - | --------- |\n| a\\|b   | –  | – | is absent |\n", func(t *table) {
		t.addError(errors.New("is absent\nmore"), "a|b")
	})
	run := func(µs, spread float64, note string) func(*table) {
		return func(t *table) {
			t.add(textCell("proxy"), figure(µs, 2, " µs"), figure(spread, 0, " %"), textCell(note))
		}
	}
	failed := func(t *table) { t.addError(errors.New("failed"), "proxy") }
	f("| server | µs      | ±   |\n| ------ | ------- | --- |\n| proxy  | 1.23 µs | 4 % |\n", run(1.234, 4, ""))
	f("| server | µs           |\n| ------ | ------------ |\n| proxy  | 1.13–3.20 µs |\n",
		run(1.234, 4, ""), run(3.2, 4, ""), run(1.129, 5, ""))
	f("| server | µs      |\n| ------ | ------- |\n| proxy  | 1.20 µs |\n", run(1.201, 4, ""), run(1.199, 4, ""))
	f("| server | µs           | note                |\n| ------ | ------------ | ------------------- |\n| proxy  | 1.00–2.00 µs | failed; 3 lost; all |\n",
		failed, run(2, 4, "3 lost"), run(1, 4, "3 lost"), failed, run(2, 4, "all"))
	f("| server | µs | note   |\n| ------ | -- | ------ |\n| proxy  | –  | failed |\n", failed, failed)
}

// TestCostTable has figures that are the same in every round.
func TestCostTable(t *testing.T) {
	const rounds = 4
	server := func(name string, kind kind, cpu float64) *costs {
		c := &costs{contender: contender{name: name, kind: kind}}
		for range rounds {
			c.cpu = append(c.cpu, cpu)
			c.rate = append(c.rate, 1000)
			c.busy = append(c.busy, 0.95)
		}
		return c
	}
	f := func(r row, want string, all ...*costs) {
		t.Helper()
		table := newCostTable()
		table.addRow(&r, all)
		var got []string
		for _, row := range table.rows[1:] {
			for i, c := range row {
				if name := table.rows[0][i].text; name == "× empty" || name == "mean" || name == "goal" || name == "× nginx" || name == "note" || i == 1 {
					got = append(got, c.String())
				}
			}
			got = append(got, "")
		}
		if got := strings.Join(got, "|"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	empty, nginx, proxy := server("empty", kindEmpty, 10), server("nginx", kindNginx, 8), server("proxy", kindProxy, 12)
	absent := &costs{contender: contender{name: "nginx", kind: kindNginx}, err: errors.New("absent")}
	single := row{metrics: 1, maxRatio: 1.15, maxNginx: 1.6}
	batch := row{metrics: 10, maxPerMetric: 0.25, maxNginx: 3}
	f(single, "empty||||||||nginx|0.800|0.800||||||proxy|1.200|1.200|1.15|1.500|1.60||", empty, nginx, proxy)
	f(batch, "empty||||||||nginx||||||||proxy|0.200 µs|0.200 µs|0.25 µs|1.500|3.00||", empty, nginx, proxy)
	f(single, "empty||||||||proxy|1.200|1.200|1.15||||", empty, proxy)
	f(single, "empty||||||||nginx|–|–|–|–|–|absent||proxy|1.200|1.200|1.15||||", empty, absent, proxy)
	f(row{}, "empty||||||||again|0.800|0.800|||||", empty, server("again", kindEmpty, 8))
	lossy := server("proxy", kindProxy, 12)
	lossy.lost = 3
	f(row{metrics: 1}, "empty||||||||proxy|1.200|1.200||||3 metrics lost|", empty, lossy)
}
