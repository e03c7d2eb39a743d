package hostile

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// server is a StatsD server that the test attacks.
type server struct {
	*testutil.Process
	port string // UDP and TCP

	// check returns an error unless the server's own endpoint answers.
	check func() error
	// control returns the sum of the counter and the number of the timings with
	// these names, as the server shows them. The names have letters and digits only.
	control func(counter, timing string) (sum, timings float64)
}

// startEtsy starts Etsy StatsD. It flushes to Graphite every half second.
func startEtsy(t *testing.T) *server {
	node := testutil.NeedCommand(t, "node")
	program := testutil.NeedFile(t, "test/node_modules/statsd/stats.js")
	graphite := startGraphite(t)
	port, managementPort := testutil.FreePort(t), testutil.FreePort(t)
	config, err := json.Marshal(map[string]any{
		"servers": []map[string]any{
			{"server": "./servers/udp", "address": "127.0.0.1", "port": port},
			{"server": "./servers/tcp", "address": "127.0.0.1", "port": port},
		},
		"mgmt_address":          "127.0.0.1",
		"mgmt_port":             managementPort,
		"backends":              []string{"./backends/graphite"},
		"graphiteHost":          "127.0.0.1",
		"graphitePort":          graphite.port,
		"graphite":              map[string]any{"legacyNamespace": false},
		"deleteIdleStats":       true,
		"flushInterval":         500,
		"automaticConfigReload": false,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, config, 0o644); err != nil {
		t.Fatal(err)
	}
	s := &server{
		Process: testutil.Start(t, exec.Command(node, "--require", testutil.NeedFile(t, "internal/testutil/etsy/compat.js"), program, file)),
		port:    port,
		check: func() error {
			conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", managementPort), testutil.Patience)
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(testutil.Patience)); err != nil {
				return err
			}
			fmt.Fprintln(conn, "health")
			answer, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || answer != "health: up\n" {
				return fmt.Errorf("the management port answers health with %q, %w", answer, err)
			}
			return nil
		},
		control: func(counter, timing string) (sum, timings float64) {
			return graphite.sum("stats.counters." + counter + ".count"), graphite.sum("stats.timers." + timing + ".count")
		},
	}
	s.WaitReady(t, func() bool { return s.check() == nil })
	return s
}

// graphite is a listener that adds up the values of each path that it receives.
type graphite struct {
	port string
	mu   sync.Mutex
	sums map[string]float64
}

func startGraphite(t *testing.T) *graphite {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	g := &graphite{port: port, sums: map[string]float64{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { g.read(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return g
}

// read reads lines of the form "path value timestamp" until conn ends. It keeps
// the sums of control metrics only.
func (g *graphite) read(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 || !strings.Contains(fields[0], controlName) {
			continue
		}
		value, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			continue
		}
		g.mu.Lock()
		g.sums[fields[0]] += value
		g.mu.Unlock()
	}
}

func (g *graphite) sum(path string) float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sums[path]
}

// startExporter starts statsd_exporter, a tool of this module.
func startExporter(t *testing.T) *server {
	program := testutil.ExporterProgram(t)
	port, web := testutil.FreePort(t), net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	metrics := "http://" + web + "/metrics"
	s := &server{
		Process: testutil.Start(t, exec.Command(program, "--web.listen-address="+web,
			"--statsd.listen-udp=127.0.0.1:"+port, "--statsd.listen-tcp=127.0.0.1:"+port, "--statsd.event-flush-interval=10ms")),
		port:  port,
		check: func() error { _, err := get(metrics); return err },
		control: func(counter, timing string) (sum, timings float64) {
			text, _ := get(metrics) // check reports the error
			return sample(text, counter), sample(text, timing+"_count")
		},
	}
	s.WaitReady(t, func() bool { return s.check() == nil })
	return s
}

// startTelegraf starts Telegraf with its inputs statsd over UDP and TCP, and with
// its output prometheus_client.
func startTelegraf(t *testing.T) *server {
	program := testutil.TelegrafProgram(t)
	port, web := testutil.FreePort(t), net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	config := filepath.Join(t.TempDir(), "telegraf.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
[agent]
  interval = "200ms"
  flush_interval = "200ms"
  metric_buffer_limit = 1000000
  omit_hostname = true
[[inputs.statsd]]
  protocol = "udp"
  service_address = "127.0.0.1:%[1]s"
  delete_counters = false
  delete_timings = false
  allowed_pending_messages = 1000000
[[inputs.statsd]]
  protocol = "tcp"
  service_address = "127.0.0.1:%[1]s"
  delete_counters = false
  delete_timings = false
  allowed_pending_messages = 1000000
[[outputs.prometheus_client]]
  listen = "%[2]s"
  metric_version = 1
`, port, web), 0o644); err != nil {
		t.Fatal(err)
	}
	metrics := "http://" + web + "/metrics"
	s := &server{
		Process: testutil.Start(t, exec.Command(program, config)),
		port:    port,
		check:   func() error { _, err := get(metrics); return err },
		control: func(counter, timing string) (sum, timings float64) {
			text, _ := get(metrics) // check reports the error
			return sample(text, counter), sample(text, timing+"_count")
		},
	}
	s.WaitReady(t, func() bool { return s.check() == nil })
	return s
}

var client = &http.Client{Timeout: 30 * time.Second}

// get returns the body of a response with status 200.
func get(url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %.300s", url, response.Status, text)
	}
	return string(text), err
}

// sample returns the sum of the samples with that name in Prometheus' text format.
func sample(text, name string) (sum float64) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):]), 64)
		if err == nil {
			sum += value
		}
	}
	return sum
}
