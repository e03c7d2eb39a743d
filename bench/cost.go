//go:build linux

package main

import (
	"fmt"
	"time"
)

// bench has the settings that all measurements share.
type bench struct {
	empty, proxy contender
	nginx        contender // without a name if nginx is not installed
	peers        []contender

	connections int // of all rows that do not have a number of their own

	// warmupRounds is the number of rounds before the measured ones. They open
	// connections and fill the server's buffers and caches.
	warmupRounds int

	// The number of measurements: rounds of costs, of latencies, and with one and two
	// processors, starts of servers, and handshakes.
	rounds, latencyRounds, coresRounds, starts, handshakes int

	profileSeconds int // for which each row is profiled

	dir       string // for temporary files
	cert, key string // files for TLS

	server []int // processors of the measured server
	client []int // processors of the benchmark itself
	ports  ports
}

// accountingDelay is the time between the last response and reading the CPU time
// of a server. The kernel counts the CPU time of a thread when it sleeps.
const accountingDelay = time.Millisecond

// measureCosts measures the CPU time of a request of each row.
func (b *bench) measureCosts(rows []row) ([]part, error) {
	requests := newTable("request", "what it is")
	t := newCostTable()
	for i := range rows {
		r := &rows[i]
		requests.add(textCell(r.name), textCell(r.description))
		all, err := b.measure(r)
		if err != nil {
			return nil, fmt.Errorf("row %s: %w", r.name, err)
		}
		t.addRow(r, all)
	}
	text := fmt.Sprintf("\n### CPU time of a request\n\n"+
		"Each server has one processor. Requests come over %d connections, except for HTTP/2. Figures are medians of %d rounds,\n"+
		"fewer for rows with many requests in a round.\n", b.connections, b.rounds)
	if b.nginx.name == "" {
		text += "\nnginx is not installed, so it is not compared. `test/install` installs it.\n"
	}
	return []part{{text: text, table: requests}, {text: costLegend, table: t.table, spread: costSpread}}, nil
}

// contenders returns the servers of a row. The empty server is the first.
func (b *bench) contenders(r *row) []contender {
	if r.metrics == 0 {
		again := b.empty
		again.name = "empty again"
		return []contender{b.empty, again}
	}
	all := []contender{b.empty}
	if b.nginx.name != "" {
		all = append(all, b.nginx)
	}
	return append(append(all, b.proxy), b.peers...)
}

// measure measures the servers of a row. All servers run at the same time and get
// requests in turns, so that other work of the machine affects all of them. The costs
// of a server that could not be measured contain the error, except for the first.
func (b *bench) measure(r *row) ([]*costs, error) {
	var all []*costs
	var servers []*runningServer
	request := r.requests(r.connections(b))
	for i, c := range b.contenders(r) {
		server, err := b.start(c, b.server, r.protocol, r.options)
		if err == nil {
			defer server.stop()
			err = b.connect(server, r)
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
			all = append(all, &costs{contender: c, err: err})
		}
	}
	rounds := r.rounds(b.rounds)
	return all, onThread(b.client, func() error {
		if err := startRounds(servers); err != nil {
			return err
		}
		for i := range rounds {
			if err := measureRound(i, servers, r, request); err != nil {
				return err
			}
		}
		for _, s := range servers {
			s.countLost((b.warmupRounds + rounds) * r.turnRequests * r.metrics)
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
