package test

import (
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/test/harness"
)

// startExporter starts Prometheus' StatsD exporter, a Go tool of this module.
// It returns the port it receives metrics on and a function that returns the
// lines it exports.
func startExporter(t *testing.T, args ...string) (port string, export func() []string) {
	t.Helper()
	// The go command builds the tool if need be and tells where it is.
	program := strings.TrimSpace(harness.MustRun(t, exec.Command("go", "tool", "-n", "github.com/prometheus/statsd_exporter")))
	port = harness.FreePort(t)
	web := net.JoinHostPort("127.0.0.1", harness.FreePort(t))
	exporter := harness.Start(t, exec.Command(program, append([]string{
		"--web.listen-address=" + web,
		"--statsd.listen-udp=127.0.0.1:" + port,
		"--statsd.listen-tcp=",
		"--statsd.event-flush-interval=10ms",
	}, args...)...))
	get := func() (string, error) {
		response, err := http.Get("http://" + web + "/metrics")
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return string(text), err
	}
	// It opens its UDP port before it serves HTTP.
	exporter.Ready(t, func() bool {
		_, err := get()
		return err == nil
	})
	return port, func() []string {
		text, err := get()
		if err != nil {
			t.Fatalf("read what the exporter exports: %v", err)
		}
		return strings.Split(text, "\n")
	}
}

func TestTagsArriveAsLabelsOfPrometheus(t *testing.T) {
	port, export := startExporter(t)
	proxy := startProxy(t, "--statsd-port="+port, "--metric-prefix=shop")

	// One name has one type in Prometheus, so no two types share a name here.
	metrics := []struct{ path, body, want string }{
		{"/count/hits.text", `{"value": 100500, "tags": "env=prod,locale=en-us"}`,
			`shop_hits_text{env="prod",locale="en-us"} 100500`},
		{"/count/hits.object", `{"value": 2.5, "tags": {"env": "prod", "locale": "en-us"}}`,
			`shop_hits_object{env="prod",locale="en-us"} 2.5`},
		{"/count/hits.form", `value=3&tags=env%3Dprod%2Clocale%3Den-us`,
			`shop_hits_form{env="prod",locale="en-us"} 3`},
		{"/count/hits.untagged", `{"value": 4}`,
			`shop_hits_untagged 4`},
		{"/gauge/level.text", `{"value": 7, "tags": "env=prod,locale=en-us"}`,
			`shop_level_text{env="prod",locale="en-us"} 7`},
		{"/gauge/level.object", `{"value": 10.5, "tags": {"env": "prod", "locale": "en-us"}}`,
			`shop_level_object{env="prod",locale="en-us"} 10.5`},
		{"/timing/spent.text", `{"value": 320, "tags": "env=prod,locale=en-us"}`,
			`shop_spent_text_sum{env="prod",locale="en-us"} 0.32`},
		{"/timing/spent.object", `{"time": 12.5, "tags": {"env": "prod", "locale": "en-us"}}`,
			`shop_spent_object_sum{env="prod",locale="en-us"} 0.0125`},
		{"/gauge/level.negative", `{"value": -7, "tags": "env=prod"}`,
			`shop_level_negative{env="prod"} -7`},
	}
	for _, metric := range metrics {
		proxy.mustSend(t, metric.path, metric.body)
	}
	var want []string
	for _, metric := range metrics {
		want = append(want, metric.want)
	}
	waitForExport(t, export, want)
	// One line a metric and one more for the negative gauge.
	checkExporter(t, export(), len(metrics)+1)
}

// waitForExport waits until the exporter exports each line of want.
func waitForExport(t *testing.T, export func() []string, want []string) {
	t.Helper()
	lines := export()
	for _, line := range want {
		if slices.Contains(lines, line) {
			continue
		}
		harness.Eventually(t, line+" from the exporter", func() bool {
			lines = export()
			return slices.Contains(lines, line)
		})
	}
}

// checkExporter fails the test unless the exporter, by its own counters, has
// received exactly lines lines, all of them good.
func checkExporter(t *testing.T, exported []string, lines int) {
	t.Helper()
	const total = "statsd_exporter_lines_total "
	for _, line := range exported {
		if strings.HasPrefix(line, total) && line != total+strconv.Itoa(lines) {
			t.Errorf("lines that the exporter received: got %s, want %d", strings.TrimPrefix(line, total), lines)
		}
		for _, fault := range []string{"sample_errors", "tag_errors", "events_error", "events_conflict"} {
			if strings.HasPrefix(line, "statsd_exporter_"+fault) && !strings.HasSuffix(line, " 0") {
				t.Errorf("the exporter reports a fault: got %q, want none", line)
			}
		}
	}
}
