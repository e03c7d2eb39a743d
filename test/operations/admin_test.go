package operations

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"statsd-http-proxy/internal/testutil"
)

// get returns the response to a GET request.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	status, body, err := testutil.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

// figures are the values of series by their names, like name{label=value}.
type figures map[string]float64

// prefix begins the names of the proxy's own metrics. figures leave it out.
const prefix = "statsd_http_proxy_"

// families returns the metrics of the proxy, by their names.
func families(t *testing.T, admin string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(testutil.MustGet(t, admin+"/metrics")))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// scrape returns the proxy's own counters and gauges.
func scrape(t *testing.T, admin string) figures {
	t.Helper()
	all := make(figures)
	for name, family := range families(t, admin) {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			key := strings.TrimPrefix(name, prefix) + "{" + strings.Join(labels, ",") + "}"
			switch family.GetType() {
			case dto.MetricType_COUNTER:
				all[key] = metric.GetCounter().GetValue()
			case dto.MetricType_GAUGE:
				all[key] = metric.GetGauge().GetValue()
			}
		}
	}
	return all
}

// since returns the series that have changed since before, with their differences.
func (f figures) since(before figures) figures {
	changes := make(figures)
	for key, value := range f {
		if value != before[key] {
			changes[key] = value - before[key]
		}
	}
	return changes
}

// without returns f without the series whose names begin with one of the given texts.
func (f figures) without(names ...string) figures {
	rest := maps.Clone(f)
	maps.DeleteFunc(rest, func(key string, _ float64) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(key, name) })
	})
	return rest
}

// settled waits until no line is in motion and returns the figures. It checks that
// queued = sent + lost + waiting for the only server.
func settled(t *testing.T, admin, server string) figures {
	t.Helper()
	var f figures
	label := "{server=" + server + "}"
	testutil.Eventually(t, "all lines to be sent", func() bool {
		f = scrape(t, admin)
		return f["statsd_queue_lines"+label] == 0
	})
	lost := 0.0
	for _, reason := range []string{"shutdown", "too_large", "mirror_full"} {
		lost += f[fmt.Sprintf("statsd_lines_lost_total{reason=%s,server=%s}", reason, server)]
	}
	if queued, sent := f["statsd_lines_queued_total"+label], f["statsd_lines_sent_total"+label]; queued != sent+lost {
		t.Errorf("%v lines were queued, %v sent, %v lost, and none waits", queued, sent, lost)
	}
	return f
}
