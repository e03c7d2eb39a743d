//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// coresTurn is how many requests a server gets in a round.
const coresTurn = 4000

// layout is where the server and its load run.
type layout struct{ server, client []int }

// layouts returns those for a server of one and of two processors. On four
// processors and more the load stays out of the server's way. On fewer it has
// the very processors of the server, so that what doubles is the machine.
func layouts(cpus []int) (one, two layout) {
	if len(cpus) >= 4 {
		return layout{cpus[:1], cpus[2:]}, layout{cpus[:2], cpus[2:]}
	}
	return layout{cpus[:1], cpus[:1]}, layout{cpus[:2], cpus[:2]}
}

// showCores shows what a second processor brings.
func (b *bench) showCores(w io.Writer, r *row) error {
	one, two := layouts(slices.Concat(b.server, b.client))
	fmt.Fprintf(w, "\nOne processor and two, median of %d rounds", b.coresRounds)
	if slices.Equal(one.server, one.client) {
		fmt.Fprint(w, "; the load runs on the server's processors, for there are no others")
	}
	fmt.Fprint(w, "\n\n")
	t := newTable(w, "server", "requests/s on one", "on two", "×", "95 %", "µs of CPU on one", "on two")
	for i, c := range append([]contender{b.empty, b.proxy}, b.peers...) {
		costs, err := b.measureCores(c, r, one, two)
		if err != nil && i < 2 {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if err != nil {
			t.failed(err, c.name)
			continue
		}
		ratios := make([]float64, b.coresRounds)
		for i := range ratios {
			ratios[i] = costs[1].rate[i] / costs[0].rate[i]
		}
		ratio := summarize(ratios)
		t.line(c.name, fmt.Sprintf("%.0f", summarize(costs[0].rate).median), fmt.Sprintf("%.0f", summarize(costs[1].rate).median),
			fmt.Sprintf("%.2f", ratio.median), fmt.Sprintf("%.2f–%.2f", ratio.low, ratio.high),
			fmt.Sprintf("%.2f", summarize(costs[0].cpu).median), fmt.Sprintf("%.2f", summarize(costs[1].cpu).median))
	}
	return t.Flush()
}

// measureCores measures a contender in both layouts, by turns. It leaves the
// benchmark on its own processors.
func (b *bench) measureCores(c contender, r *row, one, two layout) (all [2]*costs, err error) {
	defer func() { err = errors.Join(err, pinSelf(b.client)) }()
	var servers [2]*running
	var loads [2][]*plainLoad
	places := [2]layout{one, two}
	for i, place := range places {
		if servers[i], err = b.start(c, place.server, plain, r.options); err != nil {
			return all, err
		}
		defer servers[i].stop()
		all[i] = servers[i].costs
		// A thread of the load for each processor, and twice the connections:
		// the same in both layouts.
		for range place.client {
			l, err := newPlainLoad(servers[i].port, max(1, 2*b.connections/len(place.client)))
			if err != nil {
				return all, err
			}
			defer l.close()
			loads[i] = append(loads[i], l)
		}
	}
	request := r.requests(2 * b.connections)
	for round := range 1 + b.coresRounds { // the first one is to warm up
		for i, place := range places {
			if err := pinSelf(place.client); err != nil {
				return all, err
			}
			before, err := servers[i].cpuTime()
			if err != nil {
				return all, err
			}
			start := time.Now()
			if err := runAll(loads[i], place.client, coresTurn, request); err != nil {
				return all, err
			}
			wall := time.Since(start)
			time.Sleep(accountTime)
			after, err := servers[i].cpuTime()
			if err != nil {
				return all, err
			}
			if round > 0 {
				servers[i].add(after-before, wall, coresTurn)
			}
		}
	}
	return all, nil
}

// runAll sends n requests over all loads, each on a processor of its own.
func runAll(loads []*plainLoad, cpus []int, n int, request func(conn int) []byte) error {
	errs := make([]error, len(loads))
	var running sync.WaitGroup
	for i, l := range loads {
		running.Go(func() {
			errs[i] = onThread(cpus[i:i+1], func() error { return l.run(n/len(loads), request) })
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
