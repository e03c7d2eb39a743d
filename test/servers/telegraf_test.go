package servers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// startTelegrafReceiver starts Telegraf with its input statsd over udp or tcp. It
// understands distributions only with the options for Datadog.
func startTelegrafReceiver(t *testing.T, network string) *receiver {
	dir, port := t.TempDir(), testutil.FreePort(t)
	output, config := filepath.Join(dir, "output"), filepath.Join(dir, "telegraf.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
[agent]
  interval = "200ms"
  flush_interval = "200ms"
  omit_hostname = true
[[inputs.statsd]]
  protocol = %q
  service_address = "127.0.0.1:%s"
  delete_gauges = false
  delete_counters = false
  delete_timings = false
  delete_sets = false
  datadog_extensions = true
  datadog_distributions = true
[[outputs.file]]
  files = [%q]
`, network, port, output), 0o644); err != nil {
		t.Fatal(err)
	}
	process := testutil.Start(t, exec.Command(testutil.TelegrafProgram(t), config))
	all := func() stored {
		text, err := os.ReadFile(output)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return telegrafStored(t, string(text))
	}
	process.WaitReady(t, func() bool {
		return strings.Contains(process.Stderr.String(), "Started the statsd service on")
	})
	return &receiver{
		port: port, gauges: all, all: all,
		faults: func() float64 { return float64(strings.Count(process.Stderr.String(), " E! ")) },
		check: func(t *testing.T) {
			t.Helper()
			for line := range strings.Lines(process.Stderr.String()) {
				if strings.Contains(line, " E! ") {
					t.Errorf("Telegraf logs an error: %s", line)
				}
			}
		},
	}
}

// telegrafStored returns the last value of each series in text, which has lines of
// InfluxDB's line protocol. Telegraf repeats all series at each flush, except the
// samples of distributions, which it writes once.
//
//	hits,env=prod,metric_type=counter value=8i 1700000000000000000
func telegrafStored(t *testing.T, text string) stored {
	t.Helper()
	all := stored{}
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			break // Telegraf is writing it
		}
		parts := strings.Fields(line)
		if len(parts) != 3 {
			t.Fatalf("Telegraf writes %q, want a series, fields and a time", line)
		}
		names := strings.Split(parts[0], ",")
		name, kind, tags := names[0], "", []string{}
		for _, tag := range names[1:] {
			if value, ok := strings.CutPrefix(tag, "metric_type="); ok {
				kind = value
			} else {
				tags = append(tags, tag)
			}
		}
		for field := range strings.SplitSeq(parts[1], ",") {
			key, number, _ := strings.Cut(field, "=")
			value, err := strconv.ParseFloat(strings.TrimSuffix(number, "i"), 64)
			if err != nil {
				t.Fatalf("Telegraf writes %q: %v", line, err)
			}
			switch {
			case kind == "distribution":
				all[seriesName(name, ".count", tags)]++
				all[seriesName(name, ".sum", tags)] += value
			case kind == "set":
				all[seriesName(name, ".members", tags)] = value
			case key == "value":
				all[seriesName(name, "", tags)] = value
			case key == "count" || key == "sum":
				all[seriesName(name, "."+key, tags)] = value
			}
		}
	}
	return all
}
