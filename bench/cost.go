//go:build linux

package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// contender is a server whose cost is measured.
type contender struct {
	name    string
	command []string // that starts it, without the options that the row asks for

	// An empty server has the port as its one argument, a proxy the flags of
	// the specification.
	empty bool
}

// bench has what the measurements share.
type bench struct {
	empty, proxy contender
	peers        []contender

	connections int
	requests    int // of one measurement
	rounds      int

	server []int // processors of the server that is measured
	client []int // those of the benchmark
	ports  ports
}

// sliceRequests is after how many requests it is the next server's turn. Half a
// dozen turns go by before the machine does something else.
const sliceRequests = 1000

// running is a contender at work.
type running struct {
	contender
	*process
	*costs
	sink *sink // that it sends to; nil for an empty server
	load *load
}

// start starts a contender, with options if it is a proxy, and returns when it
// accepts connections. The caller stops it.
func (b *bench) start(c contender, cpus []int, options []string) (*running, error) {
	port, err := b.ports.free()
	if err != nil {
		return nil, err
	}
	r := &running{contender: c, costs: &costs{name: c.name}}
	command := slices.Clone(c.command)
	if c.empty {
		command = append(command, strconv.Itoa(port))
	} else {
		if r.sink, err = startSink(); err != nil {
			return nil, err
		}
		command = append(command, "--http-host=127.0.0.1", "--http-port="+strconv.Itoa(port), "--http-timeout-idle=60",
			"--statsd-host=127.0.0.1", "--statsd-port="+strconv.Itoa(r.sink.port()))
		command = append(command, options...)
	}
	if r.process, err = startProcess(c.name, port, cpus, command...); err == nil {
		err = r.ready()
	}
	if err == nil {
		r.load, err = newLoad(port, b.connections)
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *running) stop() {
	if r.load != nil {
		r.load.close()
	}
	if r.process != nil {
		r.process.stop()
	}
	if r.sink != nil {
		r.sink.close()
	}
}

// measure measures the contenders of a row: the empty server first, then the
// proxy and its peers. All run side by side and take turns, so that what the
// machine does beside falls on all of them. Why a peer was not measured stands
// in its costs.
func (b *bench) measure(r *row) ([]*costs, error) {
	contenders := append([]contender{b.empty, b.proxy}, b.peers...)
	if r.metrics == 0 {
		again := b.empty
		again.name = "empty again"
		contenders = []contender{b.empty, again}
	}
	var all []*costs
	var servers []*running
	request := r.requests(b.connections)
	for i, c := range contenders {
		server, err := b.start(c, b.server, r.options)
		if err == nil {
			defer server.stop()
			err = onThread(b.client, func() error { return server.load.run(b.requests/2, request) })
		}
		switch {
		case err == nil:
			servers = append(servers, server)
			all = append(all, server.costs)
		case i < 2:
			return nil, fmt.Errorf("%s: %w", c.name, err)
		default:
			all = append(all, &costs{name: c.name, err: err})
		}
	}
	return all, onThread(b.client, func() error {
		for range b.rounds {
			if err := b.round(r, servers, request); err != nil {
				return err
			}
		}
		return nil
	})
}

// round measures one round: each server gets its requests in slices, by turns.
func (b *bench) round(r *row, servers []*running, request func(int) []byte) error {
	for _, s := range servers {
		if err := s.begin(b.requests * r.metrics); err != nil {
			return err
		}
	}
	for done := 0; done < b.requests; done += sliceRequests {
		n := min(sliceRequests, b.requests-done)
		for i := range servers {
			s := servers[(i+done/sliceRequests)%len(servers)]
			start := time.Now()
			if err := s.load.run(n, request); err != nil {
				return fmt.Errorf("%s: %w", s.contender.name, err)
			}
			s.wall += time.Since(start)
		}
	}
	for _, s := range servers {
		if err := s.end(b.requests); err != nil {
			return err
		}
	}
	return nil
}

// costs are what the requests of a row cost a contender: a value a round.
type costs struct {
	name string
	cpu  []float64 // µs of processor time a request
	rate []float64 // requests a second
	busy []float64 // part of the time in which the server worked
	lost int64     // metrics that have not reached StatsD
	err  error     // why there are no values

	// Of the round that is measured.
	before  time.Duration // processor time at its beginning
	wall    time.Duration // in which the server has had requests
	metrics int64         // that will have reached StatsD since the start
}

// begin begins a round in which the server gets so many metrics.
func (r *running) begin(metrics int) (err error) {
	if r.sink != nil {
		r.metrics = r.sink.lines.Load() + int64(metrics)
	}
	r.wall = 0
	r.before, err = r.cpuTime()
	return err
}

// end ends a round of n requests, when its metrics have reached StatsD.
func (r *running) end(n int) error {
	if r.sink != nil {
		r.lost += r.metrics - r.sink.settle(r.metrics)
	}
	after, err := r.cpuTime()
	if err != nil {
		return err
	}
	r.add(after-r.before, r.wall, n)
	return nil
}

// add adds a round of n requests.
func (c *costs) add(cpu, wall time.Duration, n int) {
	c.cpu = append(c.cpu, cpu.Seconds()*1e6/float64(n))
	c.rate = append(c.rate, float64(n)/wall.Seconds())
	c.busy = append(c.busy, cpu.Seconds()/wall.Seconds())
}

// over returns how the cost compares with base, round by round: as a multiple,
// and as the difference for each metric in µs.
func (c *costs) over(base *costs, metrics int) (ratio, extra summary) {
	ratios, extras := make([]float64, len(c.cpu)), make([]float64, len(c.cpu))
	for i := range c.cpu {
		ratios[i] = c.cpu[i] / base.cpu[i]
		extras[i] = (c.cpu[i] - base.cpu[i]) / float64(max(metrics, 1))
	}
	return summarize(ratios), summarize(extras)
}
