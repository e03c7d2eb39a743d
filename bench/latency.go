//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// latencyTime is how long a round lasts.
const latencyTime = 500 * time.Millisecond

// latencies are what a server's answers take at a rate: percentiles in ms, a
// value a round.
type latencies struct{ p50, p99, p999 []float64 }

// showLatency shows how long answers take at half of the rate that the proxy
// can sustain. Requests come at their time whether or not earlier ones are
// answered, and are late from that time on.
func (b *bench) showLatency(w io.Writer, r *row) error {
	fmt.Fprintf(w, "\nLatency in ms, at half of the rate that the proxy can sustain; median of %d rounds of %s\n\n", b.latencyRounds, latencyTime)
	t := newTable(w, "server", "requests/s", "p50", "p99", "p99.9")
	contenders := append([]contender{b.empty, b.proxy}, b.peers...)
	loads := make([]*plainLoad, len(contenders))
	failed := make([]error, len(contenders))
	for i, c := range contenders {
		server, err := b.start(c, b.server, plain, r.options)
		if err == nil {
			defer server.stop()
			loads[i], err = newPlainLoad(server.port, b.connections)
		}
		if err == nil {
			defer loads[i].close()
			err = loads[i].run(b.warmRounds*r.turn, r.request)
		}
		if failed[i] = err; err != nil && i < 2 {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	request := r.requests(b.connections)
	all := make([]latencies, len(contenders))
	var rate float64
	err := onThread(b.client, func() error {
		n := 4 * b.warmRounds * r.turn // to see what the proxy can sustain
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
				took, err := loads[i].runAt(rate, int(rate*latencyTime.Seconds()), request)
				if err != nil {
					return fmt.Errorf("%s: %w", contenders[i].name, err)
				}
				all[i].add(took)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, l := range all {
		if failed[i] != nil {
			t.failed(failed[i], contenders[i].name)
			continue
		}
		t.line(contenders[i].name, fmt.Sprintf("%.0f", rate), milliseconds(l.p50), milliseconds(l.p99), milliseconds(l.p999))
	}
	return t.Flush()
}

func milliseconds(rounds []float64) string {
	return fmt.Sprintf("%.3f", summarize(rounds).median)
}

// add adds a round.
func (l *latencies) add(took []float64) {
	slices.Sort(took)
	l.p50 = append(l.p50, quantile(took, 0.5))
	l.p99 = append(l.p99, quantile(took, 0.99))
	l.p999 = append(l.p999, quantile(took, 0.999))
}

// runAt sends n requests at a rate a second, each on a connection that waits
// for no answer, and returns how many ms after their time they were answered.
func (l *plainLoad) runAt(rate float64, n int, request func(conn int) []byte) ([]float64, error) {
	took := make([]float64, 0, n)
	free := slices.Clone(l.conns)
	due := make([]time.Duration, len(l.conns)) // of the request that each is at
	start := time.Now()
	for sent, last := 0, time.Duration(0); len(took) < n; {
		now := time.Since(start)
		for ; sent < n && len(free) > 0; sent++ {
			at := time.Duration(float64(sent) / rate * float64(time.Second))
			if at > now {
				break
			}
			c := free[len(free)-1]
			free = free[:len(free)-1]
			due[c.number], last = at, now
			if err := c.send(request(c.number)); err != nil {
				return nil, err
			}
		}
		if now-last > answerTime {
			return nil, fmt.Errorf("no answer for %s", answerTime)
		}
		// It looks all the time: to sleep until the next one is due would take
		// longer than that is away.
		ready, err := unix.EpollWait(l.poll, l.ready, 0)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("look for answers: %w", err)
		}
		for _, event := range l.ready[:max(ready, 0)] {
			c := l.conns[event.Fd]
			done, err := c.receive()
			if err != nil {
				return nil, err
			}
			if done {
				took = append(took, (time.Since(start)-due[c.number]).Seconds()*1e3)
				free = append(free, c)
			}
		}
	}
	return took, nil
}
