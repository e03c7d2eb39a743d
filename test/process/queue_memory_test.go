package process

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// longLine returns a line of size bytes with a line feed at its end. If a name cannot be
// as long, the line has tags.
func longLine(size int) string {
	line := strings.Repeat("n", min(size-len(":1|c\n"), 200)) + ":1|c"
	separator := "|#"
	for tag := 'a'; len(line)+1 < size; tag++ {
		value := min(size-len(line)-len("|#a:\n"), 200)
		line += fmt.Sprintf("%s%c:%s", separator, tag, strings.Repeat("v", max(value, 1)))
		separator = ","
	}
	return line + "\n"
}

// The send queue is filled with batches while StatsD is away.
func TestFullQueueTakesLittleMemoryAboveItsSize(t *testing.T) {
	const queue = 64 << 20
	const limit = queue*5/4 + 24<<20
	for _, test := range []struct {
		name    string
		line    int // its size in bytes
		options []string
	}{
		{"short lines", 40, nil},
		{"long lines", 1000, nil},
		{"long lines over tcp", 1000, []string{"--statsd-network=tcp"}},
		{"lines as long as packets", 1400, nil},
		{"long lines in small packets", 500, []string{"--statsd-max-datagram=512"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			options := append([]string{"--statsd-port=" + testutil.FreePort(t), "--statsd-buffer=64MiB", "--shutdown-timeout=1"}, test.options...)
			proxy := testutil.StartMeasuredProxy(t, options...)
			line := longLine(test.line)
			batch := strings.Repeat(line, 500_000/len(line))
			sent := 0
			for {
				status, answer, err := testutil.Post(proxy.Client, proxy.URL+"/batch", batch)
				if err != nil {
					t.Fatal(err)
				}
				if status == http.StatusServiceUnavailable {
					break
				}
				if sent += len(batch); status != http.StatusOK || sent > 2*queue {
					t.Fatalf("after %d bytes: got %d %s", sent, status, answer)
				}
			}
			peak, now := proxy.Memory(t, testutil.PeakMemory), proxy.Memory(t, testutil.ResidentMemory)
			t.Logf("%d bytes of lines take %d bytes of memory at the peak, %d at the end", sent, peak, now)
			if peak > limit {
				t.Errorf("the proxy takes %d bytes of memory, want at most %d", peak, limit)
			}
		})
	}
}
