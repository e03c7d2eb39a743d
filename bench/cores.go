//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// coresTurnRequests is the number of requests that a server gets in a round.
const coresTurnRequests = 4000

// layout assigns processors to the server and to its load.
type layout struct{ server, client []int }

// layouts returns the layouts for a server on one and on two processors. With at
// least four processors, the load has processors of its own. With fewer, server
// and load share their processors in both layouts, so that the second layout
// doubles the whole machine.
func layouts(cpus []int) (one, two layout) {
	if len(cpus) >= 4 {
		return layout{cpus[:1], cpus[2:]}, layout{cpus[:2], cpus[2:]}
	}
	return layout{cpus[:1], cpus[:1]}, layout{cpus[:2], cpus[:2]}
}

// measureSecondCore measures the effect of a second processor.
func (b *bench) measureSecondCore(r *row) ([]part, error) {
	one, two := layouts(slices.Concat(b.server, b.client))
	text := fmt.Sprintf("\n### One and two processors\n\nRequest `%s`, medians of %d rounds.", r.name, b.coresRounds)
	if slices.Equal(one.server, one.client) {
		text += " The load runs on the server's processors, because this machine has no others."
	}
	text += "\n"
	t := newTable("server", "requests/s with 1", "with 2", "ratio", intervalColumn, "CPU µs with 1", "with 2", "note")
	for i, c := range append([]contender{b.empty, b.proxy}, b.peers...) {
		costs, err := b.measureCores(c, r, one, two)
		if err != nil && i < 2 {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		if err != nil {
			t.addError(err, c.name)
			continue
		}
		ratios := make([]float64, b.coresRounds)
		for i := range ratios {
			ratios[i] = costs[1].rate[i] / costs[0].rate[i]
		}
		ratio := summarize(ratios)
		t.add(textCell(c.name), figure(summarize(costs[0].rate).median, 0, ""), figure(summarize(costs[1].rate).median, 0, ""),
			figure(ratio.median, 2, ""), interval(ratio, 2),
			figure(summarize(costs[0].cpu).median, 2, ""), figure(summarize(costs[1].cpu).median, 2, ""))
	}
	return []part{{text: text, table: t}}, nil
}

// measureCores measures a contender in both layouts, in turns. At the end it
// moves the benchmark back to its own processors.
func (b *bench) measureCores(c contender, r *row, one, two layout) (all [2]*costs, err error) {
	defer func() { err = errors.Join(err, pinSelf(b.client)) }()
	var servers [2]*runningServer
	var loads [2][]*load
	both := [2]layout{one, two}
	for i, layout := range both {
		if servers[i], err = b.start(c, layout.server, protocolHTTP1, r.options); err != nil {
			return all, err
		}
		defer servers[i].stop()
		all[i] = servers[i].costs
		// The load has a thread for each processor. Both layouts have the same
		// number of connections, twice the usual one.
		for range layout.client {
			l, err := newLoad(protocolHTTP1, servers[i].port, max(1, 2*b.connections/len(layout.client)), 1)
			if err != nil {
				return all, err
			}
			defer l.close()
			loads[i] = append(loads[i], l)
		}
	}
	request := r.requests(2 * b.connections)
	for round := range 1 + b.coresRounds { // the first round is for warming up
		for i, layout := range both {
			if err := pinSelf(layout.client); err != nil {
				return all, err
			}
			cpuBefore, err := servers[i].cpuTime()
			if err != nil {
				return all, err
			}
			start := time.Now()
			if err := runAll(loads[i], layout.client, coresTurnRequests, request); err != nil {
				return all, err
			}
			turnTime := time.Since(start)
			time.Sleep(accountingDelay)
			cpuAfter, err := servers[i].cpuTime()
			if err != nil {
				return all, err
			}
			if round > 0 {
				servers[i].add(cpuAfter-cpuBefore, turnTime, coresTurnRequests)
			}
		}
	}
	return all, nil
}

// runAll sends n requests over all loads together, each load on a processor of
// its own.
func runAll(loads []*load, cpus []int, n int, request func(conn int) []byte) error {
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
