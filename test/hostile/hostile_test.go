package hostile

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

var (
	attackTime = flag.Duration("hostile", 20*time.Second, "how long each server receives hostile metrics")
	seed       = flag.Uint64("seed", 1, "seed of the hostile metrics")
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// controlName begins the names of the metrics that a well-behaved client sends.
const controlName = "wellbehaved"

// linesPerRound is how many hostile lines are accepted before the test looks at the
// server again.
const linesPerRound = 100

func TestServersSurviveHostileMetrics(t *testing.T) {
	for _, c := range []struct {
		name    string
		start   func(*testing.T) *server
		proxies [][]string // the options of the proxies that send to the server
	}{
		{"etsy", startEtsy, [][]string{
			{},
			{"--metric-prefix=shop"},
			{"--metric-prefix=__"},
			{"--statsd-network=tcp"},
			{"--tag-format=graphite"},
			{"--tag-format=dogstatsd"},
			{"--tag-format=librato"},
			{"--tag-format=signalfx"},
			{"--tag-format=none", "--lowercase"},
			{"--name-format=graphite"},
			{"--statsd-flavor=etsy"},
			{"--statsd-flavor=etsy", "--statsd-network=tcp"},
			{"--statsd-flavor=etsy", "--tag-format=graphite", "--tags=env=prod"},
		}},
		{"statsd_exporter", startExporter, [][]string{
			{"--statsd-flavor=statsd-exporter"},
			{"--statsd-flavor=statsd-exporter", "--metric-prefix=shop"},
			{"--statsd-flavor=statsd-exporter", "--statsd-network=tcp"},
			{"--statsd-flavor=statsd-exporter", "--tag-format=influxdb"},
			{"--statsd-flavor=statsd-exporter", "--tag-format=librato"},
			{"--statsd-flavor=statsd-exporter", "--tag-format=signalfx"},
			{"--statsd-flavor=statsd-exporter", "--name-format=prometheus", "--tags=env=prod"},
		}},
		{"telegraf", startTelegraf, [][]string{
			{"--statsd-flavor=telegraf"},
			{"--statsd-flavor=telegraf", "--metric-prefix=shop"},
			{"--statsd-flavor=telegraf", "--statsd-network=tcp"},
			{"--statsd-flavor=telegraf", "--lowercase", "--tags=env=prod"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.start(t)
			var urls []string
			for _, args := range c.proxies {
				proxy := testutil.StartProxy(t, append([]string{"--statsd-port=" + s.port, "--histograms", "--http-timeout-idle=60", "--http-timeout-read=30"}, args...)...)
				urls = append(urls, proxy.URL)
			}
			attack(t, s, urls)
		})
	}
}

// attack sends hostile metrics through the proxies in turn. After each round the
// server must answer and show exactly what the well-behaved client has sent.
func attack(t *testing.T, s *server, proxies []string) {
	g := newGenerator(*seed)
	t.Logf("seed %d", *seed)
	// The well-behaved client uses one proxy, the first, and a name that nobody guesses.
	id := fmt.Sprint(g.Uint32())
	counter, timing := controlName+"c"+id, controlName+"t"+id
	var sum, timings float64
	total := 0
	var recent []request
	for end := time.Now().Add(*attackTime); time.Now().Before(end); {
		proxy := pick(g, proxies)
		recent = recent[:0]
		for lines := 0; lines < linesPerRound; {
			r := g.request()
			recent = append(recent, r)
			accepted, err := send(proxy, r)
			if err != nil {
				t.Fatalf("%s to the proxy at %s: %v", r, proxy, err)
			}
			// Many requests are rejected as a whole, which must not make a round endless.
			lines += max(accepted, 1)
			total += accepted
		}
		step := 1 + g.IntN(9)
		sum += float64(step)
		timings += 2
		batch := fmt.Sprintf("%s:%d|c\n%s:3|ms\n%s:4|ms", counter, step, timing, timing)
		if accepted, err := send(proxies[0], request{"/batch", "text/plain", batch}); err != nil || accepted != 3 {
			t.Fatalf("the well-behaved client's batch: got %d accepted, error %v, want 3", accepted, err)
		}
		got := func() string {
			if s.HasExited() {
				return fmt.Sprintf("the server has ended: %v", s.Err)
			}
			if err := s.check(); err != nil {
				return fmt.Sprintf("the server's endpoint: %v", err)
			}
			gotSum, gotTimings := s.control(counter, timing)
			return fmt.Sprintf("sum %v, %v timings", gotSum, gotTimings)
		}
		want := fmt.Sprintf("sum %v, %v timings", sum, timings)
		last := ""
		for deadline := time.Now().Add(testutil.Patience); ; time.Sleep(20 * time.Millisecond) {
			if last = got(); last == want {
				break
			}
			if s.HasExited() || time.Now().After(deadline) {
				t.Fatalf("control metrics after %d hostile metrics: got %s, want %s\nthe last requests, to %s:\n%v", total, last, want, proxy, recent)
			}
		}
	}
	t.Logf("accepted %d hostile metrics", total)
	if total == 0 {
		t.Error("the proxies accepted no metric: the test shows nothing")
	}
}

// send posts a request and returns how many metrics the proxy accepted. It returns
// an error if the proxy's answer is neither a success nor the client's fault.
func send(proxy string, r request) (accepted int, err error) {
	response, err := client.Post(proxy+r.path, r.contentType, strings.NewReader(r.body))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	switch {
	case response.StatusCode >= http.StatusInternalServerError:
		return 0, fmt.Errorf("%s: %s", response.Status, text)
	case response.StatusCode != http.StatusOK:
		return 0, nil
	case len(text) == 0:
		return 1, nil
	}
	_, err = fmt.Sscanf(string(text), `{"accepted":%d,`, &accepted)
	return accepted, err
}
