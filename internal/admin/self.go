package admin

import (
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// selfInterval is the time between two times that SelfMetrics sends.
const selfInterval = 10 * time.Second

// SelfMetrics sends the proxy's own metrics to StatsD. It sends gauges as they are, and
// of counters what was added since the last time, if that is not 0. It sends no
// histograms.
//
//	prefix.http_requests_total.count.200:5|c
type SelfMetrics struct {
	prefix   string
	registry *prometheus.Registry
	send     func(lines []byte, ends []int) error
	log      *slog.Logger
	stop     chan struct{}
	done     sync.WaitGroup

	// The goroutine of run uses these, and Close after it has ended.
	sent  map[string]float64 // counters, as they were sent last, by their names in StatsD
	lines []byte
	ends  []int
	added map[string]float64 // counters whose differences are in lines
}

// StartSelfMetrics starts to send every 10 seconds, until Close. Names begin with prefix
// and a dot. send is a function like sender.Sender.Send.
func StartSelfMetrics(prefix string, sources Sources, send func(lines []byte, ends []int) error, log *slog.Logger) *SelfMetrics {
	m := &SelfMetrics{
		prefix:   strings.TrimRight(prefix, ".") + ".",
		registry: prometheus.NewRegistry(),
		send:     send,
		log:      log,
		stop:     make(chan struct{}),
		sent:     make(map[string]float64),
		added:    make(map[string]float64),
	}
	m.registry.MustRegister(newCollector(sources))
	m.done.Go(m.run)
	return m
}

// Close sends once more and ends m.
func (m *SelfMetrics) Close() {
	close(m.stop)
	m.done.Wait()
	m.sendAll()
}

func (m *SelfMetrics) run() {
	ticker := time.NewTicker(selfInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.sendAll()
		case <-m.stop:
			return
		}
	}
}

// sendAll sends all metrics. If that fails, the next call sends the differences.
func (m *SelfMetrics) sendAll() {
	families, err := m.registry.Gather()
	if err != nil {
		m.log.Error("gather the metrics of the proxy", "error", err)
		return
	}
	m.lines, m.ends = m.lines[:0], m.ends[:0]
	clear(m.added)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			m.add(family, metric)
		}
	}
	if len(m.ends) == 0 {
		return
	}
	if err := m.send(m.lines, m.ends); err != nil {
		m.log.Debug("the metrics of the proxy are not sent", "error", err)
		return
	}
	for name, value := range m.added {
		m.sent[name] = value
	}
}

// add adds the line of a metric, if it has one.
func (m *SelfMetrics) add(family *dto.MetricFamily, metric *dto.Metric) {
	name := m.name(family.GetName(), metric.GetLabel())
	switch family.GetType() {
	case dto.MetricType_COUNTER:
		value := metric.GetCounter().GetValue()
		if more := value - m.sent[name]; more > 0 {
			m.added[name] = value
			m.appendLine(name, more, "|c")
		}
	case dto.MetricType_GAUGE:
		m.appendLine(name, metric.GetGauge().GetValue(), "|g")
	}
}

// name returns the name of a metric in StatsD.
func (m *SelfMetrics) name(family string, labels []*dto.LabelPair) string {
	name := m.prefix + strings.TrimPrefix(family, namespace)
	for _, label := range labelNames[family] {
		for _, pair := range labels {
			if pair.GetName() == label {
				name += "." + strings.Map(nameChar, pair.GetValue())
			}
		}
	}
	return name
}

// nameChar returns the character that stands for r in a name.
func nameChar(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '.', r == '-':
		return r
	default:
		return '_'
	}
}

func (m *SelfMetrics) appendLine(name string, value float64, end string) {
	if len(m.ends) > 0 {
		m.lines = append(m.lines, '\n')
	}
	m.lines = append(append(m.lines, name...), ':')
	m.lines = strconv.AppendFloat(m.lines, value, 'f', -1, 64)
	m.lines = append(m.lines, end...)
	m.ends = append(m.ends, len(m.lines))
}
