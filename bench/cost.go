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

	// An empty server has the arguments of serveEmpty, a proxy the flags of the
	// specification.
	empty bool
}

// bench has what the measurements share.
type bench struct {
	empty, proxy contender
	peers        []contender

	connections int

	// warmRounds is how many rounds' requests go before, for connections,
	// buffers and what the server remembers to be there.
	warmRounds int

	// How often is measured: costs, latency (for latencyTime each), what a
	// second processor brings, the start.
	rounds, latencyRounds, coresRounds, starts int

	cert, key string // files for TLS

	server []int // processors of the server that is measured
	client []int // those of the benchmark
	ports  ports
}

// accountTime is how long after the last answer processor time is read: the
// kernel does not count a thread's last milliseconds until it sleeps.
const accountTime = time.Millisecond

// running is a contender at work.
type running struct {
	contender
	*process
	*costs
	sink *sink // that it sends to; nil for an empty server
	load load
}

// start starts a contender on the given processors, with options if it is a
// proxy, and returns when it accepts connections. The caller stops it.
func (b *bench) start(c contender, cpus []int, protocol string, options []string) (*running, error) {
	port, err := b.ports.free()
	if err != nil {
		return nil, err
	}
	r := &running{contender: c, costs: &costs{name: c.name}}
	command := slices.Clone(c.command)
	if c.empty {
		command = append(command, protocol, address(port), b.cert, b.key)
	} else {
		if r.sink, err = startSink(); err != nil {
			return nil, err
		}
		command = append(command, "--http-host=127.0.0.1", "--http-port="+strconv.Itoa(port), "--http-timeout-idle=60",
			"--statsd-host=127.0.0.1", "--statsd-port="+strconv.Itoa(r.sink.port()))
		if protocol != plain {
			command = append(command, "--tls-cert="+b.cert, "--tls-key="+b.key)
		}
		command = append(command, options...)
	}
	if r.process, err = startProcess(c.name, port, cpus, command...); err == nil {
		err = r.ready()
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// connect opens the connections of the load.
func (b *bench) connect(r *running, protocol string) (err error) {
	switch protocol {
	case plain:
		r.load, err = newPlainLoad(r.port, b.connections)
	case secure:
		r.load, err = newSecureLoad(r.port, b.connections)
	case h2:
		r.load, err = newHTTP2Load(r.port)
	}
	if err != nil {
		r.load = nil // not an interface of a nil pointer
	}
	return err
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
// machine does beside falls on all of them. Why one was not measured stands in
// its costs.
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
		server, err := b.start(c, b.server, r.protocol, r.options)
		if err == nil {
			defer server.stop()
			err = b.connect(server, r.protocol)
		}
		if err == nil {
			err = onThread(b.client, func() error { return server.load.run(b.warmRounds*r.turn, request) })
		}
		switch {
		case err == nil:
			servers = append(servers, server)
			all = append(all, server.costs)
		case i == 0:
			return nil, fmt.Errorf("%s: %w", c.name, err)
		default:
			all = append(all, &costs{name: c.name, err: err})
		}
	}
	return all, onThread(b.client, func() error {
		if err := begin(servers); err != nil {
			return err
		}
		for i := range b.rounds {
			if err := round(i, servers, r, request); err != nil {
				return err
			}
		}
		for _, s := range servers {
			s.countLost((b.warmRounds + b.rounds) * r.turn * r.metrics)
		}
		return nil
	})
}

// round measures one round: each server gets its requests, by turns. What it
// does for them after its turn is in its account as well, of this round or of
// the next.
func round(number int, servers []*running, r *row, request func(int) []byte) error {
	for i := range servers {
		s := servers[(i+number)%len(servers)]
		start := time.Now()
		if err := s.load.run(r.turn, request); err != nil {
			return fmt.Errorf("%s: %w", s.contender.name, err)
		}
		s.wall = time.Since(start)
	}
	time.Sleep(accountTime)
	for _, s := range servers {
		now, err := s.cpuTime()
		if err != nil {
			return err
		}
		s.add(now-s.before, s.wall, r.turn)
		s.before = now
	}
	return nil
}

// costs are what the requests of a row cost a contender: a value a round.
type costs struct {
	name string
	cpu  []float64 // µs of processor time a request
	rate []float64 // requests a second, while the server has its turn
	busy []float64 // part of its turn in which the server worked
	lost int64     // metrics that have not reached StatsD
	err  error     // why there are no values

	before time.Duration // processor time at the beginning of the round
	wall   time.Duration // that its turn has taken
}

// begin begins the first round.
func begin(servers []*running) (err error) {
	time.Sleep(accountTime)
	for _, s := range servers {
		if s.before, err = s.cpuTime(); err != nil {
			return err
		}
	}
	return nil
}

// add adds a round of n requests.
func (c *costs) add(cpu, wall time.Duration, n int) {
	c.cpu = append(c.cpu, cpu.Seconds()*1e6/float64(n))
	c.rate = append(c.rate, float64(n)/wall.Seconds())
	c.busy = append(c.busy, cpu.Seconds()/wall.Seconds())
}

// countLost counts what is missing of all the metrics that were sent.
func (r *running) countLost(sent int) {
	if r.sink != nil {
		r.lost = int64(sent) - r.sink.settle(int64(sent))
	}
}

// ratio returns the cost as a multiple of that of base, round by round.
func (c *costs) ratio(base *costs) summary {
	ratios := make([]float64, len(c.cpu))
	for i := range ratios {
		ratios[i] = c.cpu[i] / base.cpu[i]
	}
	return summarize(ratios)
}

// extra returns what each of the metrics costs over base in µs, round by round.
func (c *costs) extra(base *costs, metrics int) summary {
	extras := make([]float64, len(c.cpu))
	for i := range extras {
		extras[i] = (c.cpu[i] - base.cpu[i]) / float64(metrics)
	}
	return summarize(extras)
}
