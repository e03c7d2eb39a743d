//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// latencyRoundTime is the duration of a round.
const latencyRoundTime = 500 * time.Millisecond

// latencies are percentiles of the response times in ms, one value for each
// round.
type latencies struct{ p50, p99, p999 []float64 }

// measureLatency measures response times at half of the rate that the
// proxy can sustain.
func (b *bench) measureLatency(r *row) ([]part, error) {
	text := fmt.Sprintf("\n### Latency\n\n"+
		"Response times of request `%s` in ms, at half of the rate that the proxy can sustain. Each request has a time when it is due; its response time\n"+
		"counts from then, even if earlier responses delay it. Figures are medians of %d rounds of %s.\n", r.name, b.latencyRounds, latencyRoundTime)
	contenders := append([]contender{b.empty, b.proxy}, b.peers...)
	loads := make([]*load, len(contenders))
	failed := make([]error, len(contenders))
	for i, c := range contenders {
		server, err := b.start(c, b.server, protocolHTTP1, r.options)
		if err == nil {
			defer server.stop()
			loads[i], err = newLoad(protocolHTTP1, server.port, b.connections, 1)
		}
		if err == nil {
			defer loads[i].close()
			err = loads[i].run(b.warmupRounds*r.turnRequests, r.request)
		}
		if failed[i] = err; err != nil && i < 2 {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	request := r.requests(b.connections)
	all := make([]latencies, len(contenders))
	var rate float64
	err := onThread(b.client, func() error {
		n := 4 * b.warmupRounds * r.turnRequests // measures the rate that the proxy can sustain
		start := time.Now()
		if err := loads[1].run(n, request); err != nil {
			return err
		}
		rate = float64(n) / time.Since(start).Seconds() / 2
		for round := range b.latencyRounds {
			for i := range loads {
				i = (i + round) % len(loads)
				if failed[i] != nil {
					continue
				}
				times, err := loads[i].runAt(rate, int(rate*latencyRoundTime.Seconds()), request)
				if err != nil {
					return fmt.Errorf("%s: %w", contenders[i].name, err)
				}
				all[i].add(times)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t := newTable("server", "requests/s", "p50", "p99", "p99.9", "note")
	for i, l := range all {
		if failed[i] != nil {
			t.addError(failed[i], contenders[i].name)
			continue
		}
		t.add(textCell(contenders[i].name), figure(rate, 0, ""), figure(summarize(l.p50).median, 3, ""),
			figure(summarize(l.p99).median, 3, ""), figure(summarize(l.p999).median, 3, ""))
	}
	return []part{{text: text, table: t}}, nil
}

// add adds a round with the given response times.
func (l *latencies) add(times []float64) {
	slices.Sort(times)
	l.p50 = append(l.p50, quantile(times, 0.5))
	l.p99 = append(l.p99, quantile(times, 0.99))
	l.p999 = append(l.p999, quantile(times, 0.999))
}

// runAt sends n requests at the given rate a second, each on a connection without
// an open request. It returns the times in ms between the due times of the
// requests and their responses.
func (l *load) runAt(rate float64, n int, request func(conn int) []byte) ([]float64, error) {
	times := make([]float64, 0, n)
	free := make([]int, len(l.conns)) // numbers of connections
	for i := range free {
		free[i] = i
	}
	due := make([]time.Duration, len(l.conns)) // due time of each connection's current request
	start := time.Now()
	for sent, lastSent := 0, time.Duration(0); len(times) < n; {
		now := time.Since(start)
		for ; sent < n && len(free) > 0; sent++ {
			at := time.Duration(float64(sent) / rate * float64(time.Second))
			if at > now {
				break
			}
			number := free[len(free)-1]
			free = free[:len(free)-1]
			due[number], lastSent = at, now
			if err := l.conns[number].send(request(number)); err != nil {
				return nil, err
			}
		}
		if now-lastSent > responseTimeout {
			return nil, fmt.Errorf("no response for %s", responseTimeout)
		}
		// EpollWait does not block here: a thread would wake up too late for the
		// next due time.
		ready, err := unix.EpollWait(l.poll, l.ready, 0)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("poll for responses: %w", err)
		}
		for _, event := range l.ready[:max(ready, 0)] {
			done, err := l.conns[event.Fd].receive()
			if err != nil {
				return nil, err
			}
			if done > 0 {
				times = append(times, (time.Since(start)-due[event.Fd]).Seconds()*1e3)
				free = append(free, int(event.Fd))
			}
		}
	}
	return times, nil
}
