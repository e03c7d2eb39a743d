//go:build linux

package main

import "time"

// costs are what the requests of a row cost a server. The slices have one value
// for each round.
type costs struct {
	contender
	cpu  []float64 // CPU time of a request in µs
	rate []float64 // requests a second during the server's turn
	busy []float64 // part of the turn in which the server worked
	lost int64     // metrics that did not reach StatsD
	err  error     // if set, the server was not measured

	cpuBefore time.Duration // CPU time of the process before the current round
	turnTime  time.Duration // duration of the current turn
}

// add adds a round of n requests.
func (c *costs) add(cpu, turnTime time.Duration, n int) {
	c.cpu = append(c.cpu, cpu.Seconds()*1e6/float64(n))
	c.rate = append(c.rate, float64(n)/turnTime.Seconds())
	c.busy = append(c.busy, cpu.Seconds()/turnTime.Seconds())
}

// ratio summarizes the ratios of CPU time to that of base in the same round.
func (c *costs) ratio(base *costs) summary {
	ratios := make([]float64, len(c.cpu))
	for i := range ratios {
		ratios[i] = c.cpu[i] / base.cpu[i]
	}
	return summarize(ratios)
}

// perMetric summarizes the CPU time of one metric in µs. For each round it subtracts
// the CPU time of base from that of c, and divides by metrics, the number of metrics in
// a request.
func (c *costs) perMetric(base *costs, metrics int) summary {
	times := make([]float64, len(c.cpu))
	for i := range times {
		times[i] = (c.cpu[i] - base.cpu[i]) / float64(metrics)
	}
	return summarize(times)
}
