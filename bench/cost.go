//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// contender is a server that is measured.
type contender struct {
	name    string
	command []string // the program and its arguments, without the options of a row

	// isEmpty is set for the empty server, whose arguments are those of
	// serveEmpty. All other servers take the flags of the proxy.
	isEmpty bool
}

// bench has the settings that all measurements share.
type bench struct {
	empty, proxy contender
	peers        []contender

	connections int

	// warmupRounds is the number of rounds before the measured ones. They open
	// connections and fill the server's buffers and caches.
	warmupRounds int

	// The number of measurements: rounds of costs, rounds of latencies, rounds
	// with one and two processors, and starts.
	rounds, latencyRounds, coresRounds, starts int

	profileSeconds int // time for which each row is profiled

	cert, key string // files for TLS

	server []int // processors of the measured server
	client []int // processors of the benchmark itself
	ports  ports
}

// accountingDelay is the time between the last response and reading the CPU time
// of a server. The kernel counts the CPU time of a thread when it sleeps.
const accountingDelay = time.Millisecond

// runningServer is a started contender.
type runningServer struct {
	contender
	*process
	*costs
	sink *sink // receives the server's lines; nil for the empty server
	load load
}

// start starts a contender on the given processors and returns when it accepts
// connections. options are added to the flags of a proxy. The caller must call
// stop.
func (b *bench) start(c contender, cpus []int, protocol string, options []string) (*runningServer, error) {
	port, err := b.ports.free()
	if err != nil {
		return nil, err
	}
	r := &runningServer{contender: c, costs: &costs{name: c.name}}
	command := slices.Clone(c.command)
	if c.isEmpty {
		command = append(command, protocol, address(port), b.cert, b.key)
	} else {
		if r.sink, err = startSink(); err != nil {
			return nil, err
		}
		command = append(command, "--http-host=127.0.0.1", "--http-port="+strconv.Itoa(port), "--http-timeout-idle=60",
			"--statsd-host=127.0.0.1", "--statsd-port="+strconv.Itoa(r.sink.port()))
		if protocol != protocolHTTP1 {
			command = append(command, "--tls-cert="+b.cert, "--tls-key="+b.key)
		}
		command = append(command, options...)
	}
	if r.process, err = startProcess(c.name, port, cpus, command...); err == nil {
		err = r.waitReady()
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// connect opens the connections of the load.
func (b *bench) connect(r *runningServer, protocol string) (err error) {
	switch protocol {
	case protocolHTTP1:
		r.load, err = newHTTP1Load(r.port, b.connections)
	case protocolTLS:
		r.load, err = newTLSLoad(r.port, b.connections)
	case protocolHTTP2:
		r.load, err = newHTTP2Load(r.port)
	}
	if err != nil {
		r.load = nil // not an interface with a nil pointer
	}
	return err
}

func (r *runningServer) stop() {
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

// writeCosts measures and writes the CPU time of a request of each row.
func (b *bench) writeCosts(w io.Writer, rows []row) error {
	fmt.Fprintf(w, "\n### CPU time of a request\n\n"+
		"Each server has one processor. Requests come over %d connections. Figures are medians of %d rounds.\n\n", b.connections, b.rounds)
	requests := newTable("request", "what it is")
	for _, r := range rows {
		requests.add(r.name, r.description)
	}
	if err := requests.write(w); err != nil {
		return err
	}
	fmt.Fprint(w, `
- **CPU µs**: CPU time of the server's process for one request, and its spread over the rounds (±).
- **ratio**: CPU time divided by that of the empty server in the same round, with the 95 % confidence interval of the
  median. For batches: CPU time of one metric beyond the empty server's time for the same bytes.
- **mean**: the mean ratio. It includes rare work, such as garbage collections.
- **goal**: the maximum ratio that the project accepts.
- **busy**: part of the time in which the server worked. Below 90 % the load was too slow for this server.

`)
	t := newCostTable()
	for i := range rows {
		all, err := b.measure(&rows[i])
		if err != nil {
			return fmt.Errorf("row %s: %w", rows[i].name, err)
		}
		t.addRow(&rows[i], all)
	}
	return t.write(w)
}

// measure measures the servers of a row: the empty server first, then the proxy
// and its peers. All servers run at the same time and get requests in turns, so
// that other work of the machine affects all of them. The costs of a peer that
// could not be measured contain the error.
func (b *bench) measure(r *row) ([]*costs, error) {
	contenders := append([]contender{b.empty, b.proxy}, b.peers...)
	if r.metrics == 0 {
		again := b.empty
		again.name = "empty again"
		contenders = []contender{b.empty, again}
	}
	var all []*costs
	var servers []*runningServer
	request := r.requests(b.connections)
	for i, c := range contenders {
		server, err := b.start(c, b.server, r.protocol, r.options)
		if err == nil {
			defer server.stop()
			err = b.connect(server, r.protocol)
		}
		if err == nil {
			err = onThread(b.client, func() error { return server.load.run(b.warmupRounds*r.turnRequests, request) })
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
		if err := startRounds(servers); err != nil {
			return err
		}
		for i := range b.rounds {
			if err := measureRound(i, servers, r, request); err != nil {
				return err
			}
		}
		for _, s := range servers {
			s.countLost((b.warmupRounds + b.rounds) * r.turnRequests * r.metrics)
		}
		return nil
	})
}

// startRounds reads the CPU times before the first round.
func startRounds(servers []*runningServer) (err error) {
	time.Sleep(accountingDelay)
	for _, s := range servers {
		if s.cpuBefore, err = s.cpuTime(); err != nil {
			return err
		}
	}
	return nil
}

// measureRound sends each server its requests, one server after the other, and
// adds their costs. Work that a server does after its turn counts in this round
// or in the next one.
func measureRound(number int, servers []*runningServer, r *row, request func(int) []byte) error {
	for i := range servers {
		s := servers[(i+number)%len(servers)]
		start := time.Now()
		if err := s.load.run(r.turnRequests, request); err != nil {
			return fmt.Errorf("%s: %w", s.contender.name, err)
		}
		s.turnTime = time.Since(start)
	}
	time.Sleep(accountingDelay)
	for _, s := range servers {
		now, err := s.cpuTime()
		if err != nil {
			return err
		}
		s.add(now-s.cpuBefore, s.turnTime, r.turnRequests)
		s.cpuBefore = now
	}
	return nil
}

// countLost counts the metrics that did not reach StatsD.
func (r *runningServer) countLost(sent int) {
	if r.sink != nil {
		r.lost = int64(sent) - r.sink.waitFor(int64(sent))
	}
}
