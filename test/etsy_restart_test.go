package test

import (
	"fmt"
	"strings"
	"testing"
)

// TestRestartOfEtsyStatsD has the real StatsD restart. Nothing is on its way
// when it goes: what it was sent and has not read would be lost.
func TestRestartOfEtsyStatsD(t *testing.T) {
	const few, many = 500, 5000 // metrics; StatsD's socket holds fewer than many
	first := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-port="+first.port)
	sent := 0
	send := func(metrics int) {
		t.Helper()
		for range metrics / 100 {
			var batch strings.Builder
			for range 100 {
				fmt.Fprintf(&batch, "restart.of.a.statsd.that.was.given.a.long.name.%d:1|c\n", sent)
				sent++
			}
			proxy.mustTake(t, batch.String(), 100)
		}
	}
	send(few)
	first.waitFor(t, few)
	before := first.flush(t, few).Counters
	send(many)
	second := startEtsyStatsDAt(t, first.port)
	send(few)
	second.waitFor(t, many+few)
	after := second.flush(t, many+few).Counters
	proxy.Stop(t)

	received, doubled := 0, 0
	for i := range sent {
		name := fmt.Sprintf("restart.of.a.statsd.that.was.given.a.long.name.%d", i)
		switch count := before[name] + after[name]; {
		case count > 1:
			doubled++
			fallthrough
		case count == 1:
			received++
		}
	}
	t.Logf("restart of Etsy's StatsD: acknowledged %d, received %d, lost %d, doubled %d", sent, received, sent-received, doubled)
	if received != sent || doubled > 0 {
		t.Errorf("got %d received, %d of them doubled, want %d once", received, doubled, sent)
	}
}
