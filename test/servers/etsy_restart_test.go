package servers

import (
	"fmt"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// StatsD has read everything when it stops. Lines in its socket would be lost.
func TestRestartOfEtsyStatsDLosesNothing(t *testing.T) {
	const few, many = 500, 5000 // metrics; a socket of StatsD has no room for many
	first := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+first.Port)
	sent := 0
	send := func(metrics int) {
		t.Helper()
		for range metrics / 100 {
			var batch strings.Builder
			for range 100 {
				fmt.Fprintf(&batch, "restart.of.a.statsd.that.was.given.a.long.name.%d:1|c\n", sent)
				sent++
			}
			proxy.MustSendBatch(t, batch.String(), 100)
		}
	}
	send(few)
	first.WaitFor(t, few)
	before := first.Flush(t, few).Counters
	send(many)
	second := testutil.StartEtsyStatsDAt(t, first.Port)
	send(few)
	second.WaitFor(t, many+few)
	after := second.Flush(t, many+few).Counters
	proxy.Stop(t)

	received, duplicated := 0, 0
	for i := range sent {
		name := fmt.Sprintf("restart.of.a.statsd.that.was.given.a.long.name.%d", i)
		switch count := before[name] + after[name]; {
		case count > 1:
			duplicated++
			fallthrough
		case count == 1:
			received++
		}
	}
	t.Logf("restart of Etsy's StatsD: accepted %d, received %d, lost %d, duplicated %d", sent, received, sent-received, duplicated)
	if received != sent || duplicated > 0 {
		t.Errorf("got %d received, %d of them twice, want %d once", received, duplicated, sent)
	}
}
