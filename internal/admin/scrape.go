package admin

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// gatherInterval is the least time between two times that the metrics are gathered. It
// bounds the work that any number of scrapers can cause: they share what is gathered.
const gatherInterval = 50 * time.Millisecond

// The formats of /metrics.
var (
	textFormat  = expfmt.NewFormat(expfmt.TypeTextPlain)
	openMetrics = expfmt.NewFormat(expfmt.TypeOpenMetrics)
)

// scrapes answers requests for /metrics. What is gathered for a request began after the
// request did, so that a scrape shows all that happened before.
type scrapes struct {
	registry *prometheus.Registry
	running  sync.WaitGroup // goroutines of gather

	turn sync.Mutex // held while metrics are gathered
	last time.Time  // when they were gathered last; guarded by turn

	mu   sync.Mutex
	next *gathering // has not begun; nil if nobody waits
}

// gathering is one gathering of all metrics, for all requests that wait for it.
type gathering struct {
	done     chan struct{} // closed when the fields below are set
	families []*dto.MetricFamily
	err      error

	text, openMetrics func() []byte // encode families once
}

func newScrapes(sources Sources) *scrapes {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		newCollector(sources),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return &scrapes{registry: registry}
}

// wait waits until no metrics are being gathered.
func (s *scrapes) wait() { s.running.Wait() }

// join returns a gathering that begins after the call.
func (s *scrapes) join() *gathering {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		g := &gathering{done: make(chan struct{})}
		s.next = g
		s.running.Go(func() { s.gather(g) })
	}
	return s.next
}

// gather waits until it is its turn and gathers all metrics.
func (s *scrapes) gather(g *gathering) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if wait := time.Until(s.last.Add(gatherInterval)); wait > 0 {
		time.Sleep(wait)
	}
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()
	g.families, g.err = s.registry.Gather()
	g.text = sync.OnceValue(func() []byte { return encode(g.families, textFormat) })
	g.openMetrics = sync.OnceValue(func() []byte {
		return encode(withoutClashes(g.families), openMetrics)
	})
	s.last = time.Now()
	close(g.done)
}

// serve answers a request for /metrics.
func (s *scrapes) serve(w http.ResponseWriter, r *http.Request) {
	g := s.join()
	select {
	case <-g.done:
	case <-r.Context().Done():
		return
	}
	if g.err != nil {
		writeText(w, http.StatusInternalServerError, "gather the metrics: "+g.err.Error()+"\n")
		return
	}
	format, encoded := textFormat, g.text
	if wantsOpenMetrics(r.Header) {
		format, encoded = openMetrics, g.openMetrics
	}
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(encoded()) // an error means that the scraper is gone
}

// wantsOpenMetrics reports whether the client prefers OpenMetrics 1.0.0 to Prometheus'
// text format.
func wantsOpenMetrics(header http.Header) bool {
	format := expfmt.NegotiateIncludingOpenMetrics(header)
	return format.FormatType() == expfmt.TypeOpenMetrics && strings.Contains(string(format), "version="+expfmt.OpenMetricsVersion_1_0_0)
}

// encode writes families in a format.
func encode(families []*dto.MetricFamily, format expfmt.Format) []byte {
	var b bytes.Buffer
	encoder := expfmt.NewEncoder(&b, format)
	for _, family := range families {
		_ = encoder.Encode(family) // a bytes.Buffer takes all, and the registry has checked the family
	}
	_ = encoder.(expfmt.Closer).Close()
	return b.Bytes()
}

// withoutClashes returns families for OpenMetrics, where a counter's name is without
// _total: the counter http_connections_total would have the name of the gauge
// http_connections. It becomes one of unknown type, which keeps its name.
func withoutClashes(families []*dto.MetricFamily) []*dto.MetricFamily {
	isTaken := make(map[string]bool)
	for _, family := range families {
		isTaken[family.GetName()] = true
	}
	result := make([]*dto.MetricFamily, len(families))
	for i, family := range families {
		result[i] = family
		base, isTotal := strings.CutSuffix(family.GetName(), "_total")
		if !isTotal || !isTaken[base] || family.GetType() != dto.MetricType_COUNTER {
			continue
		}
		unknown := &dto.MetricFamily{Name: family.Name, Help: family.Help, Type: dto.MetricType_UNTYPED.Enum()}
		for _, m := range family.GetMetric() {
			unknown.Metric = append(unknown.Metric, &dto.Metric{
				Label:   m.GetLabel(),
				Untyped: &dto.Untyped{Value: m.GetCounter().Value},
			})
		}
		result[i] = unknown
	}
	return result
}
