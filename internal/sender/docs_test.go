package sender

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestDocsStateTheTimes checks the numbers of docs/delivery.md.
func TestDocsStateTheTimes(t *testing.T) {
	text, err := os.ReadFile("../../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := strings.Join(strings.Fields(string(text)), " ") // without line breaks
	udp, tcp, unix := newPolicy(UDP), newPolicy(TCP), newPolicy(Unix)
	seconds := func(d time.Duration) string { return fmt.Sprintf("%v s", d.Seconds()) }
	millis := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
	for _, want := range []string{
		"or " + millis(udp.flushInterval) + " after its first line",
		"every " + millis(udp.retryInterval) + ", with one packet | the packet is not refused within " + millis(udp.promptRefusalTimeout),
		"every " + millis(udp.probeInterval) + ", with an empty packet",
		"no packet is refused for " + seconds(udp.silence),
		"The silence takes " + seconds(udp.silence) + " if five refusals",
		"The silence then takes " + seconds(udp.sharedSilence),
		"The silence takes only " + millis(udp.freshSilence),
		fmt.Sprintf("up to %d a second. So", time.Second/udp.minProbeInterval),
		"nothing is acknowledged for " + seconds(tcp.stallTimeout),
		"after " + seconds(tcp.retryInterval) + ", then after twice as long each time, up to " + seconds(tcp.maxRetryInterval),
		"the connection ends | every " + millis(unix.retryInterval),
		"whichever is more, up to " + seconds(udp.maxSilence) + ". After it, the proxy keeps the packets of another " + seconds(udp.silence),
		fmt.Sprintf("waiting packets leave at %d KiB/s. The rate doubles every %s up to %d MiB/s", startRate>>10, millis(doubleTime), maxRate>>20),
		"After " + millis(tcp.probation) + " it may carry two, then twice as many after each " + millis(tcp.rampInterval),
		"After " + seconds(tcp.doubt) + " there is no limit",
		"keeps the packets of these " + seconds(tcp.doubt),
		"only after " + seconds(tcp.doubt) + ".",
		"for more than " + seconds(tcp.doubt),
		"within its first " + seconds(tcp.doubt),
		"(" + seconds(DefaultResolveInterval) + "), and when StatsD goes away",
		"after " + seconds(lookupRetry) + ", then after twice as long each time, up to " + seconds(maxLookupRetry),
		fmt.Sprintf("up to %d MiB |", udp.maxInFlight>>20),
		fmt.Sprintf("less than %d bytes", minQuoted),
	} {
		if !strings.Contains(docs, want) {
			t.Errorf("docs/delivery.md does not say %q", want)
		}
	}
}
