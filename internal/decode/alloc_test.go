//go:build !race

package decode

import (
	"io"
	"strings"
	"testing"

	"statsd-http-proxy/internal/metric"
)

var benchRequests = []struct {
	name string
	in   Input
}{
	{"json", Input{Body: []byte(`{"value":100500}`)}},
	{"json-tags", Input{Body: []byte(`{"value":100500,"tags":"env=prod,locale=en-us"}`)}},
	{"json-object", Input{Body: []byte(`{"value":100500,"tags":{"env":"prod","locale":"en\u002dus"}}`)}},
	{"form", Input{Body: []byte(`value=100500`)}},
	{"form-tags", Input{Body: []byte(`value=100500&tags=env%3Dprod%2Clocale%3Den-us`)}},
	{"query", Input{Query: []byte(`value=100500&token=abc`)}},
	{"both", Input{Body: []byte(`value=100500`), Query: []byte(`tags[env]=prod`)}},
}

func TestDecodingAllocatesNothing(t *testing.T) {
	var d Decoder
	var m metric.Metric
	for _, b := range benchRequests {
		allocs := testing.AllocsPerRun(100, func() {
			m.Reset()
			if err := d.Decode(&m, &b.in); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", b.name, allocs)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	var d Decoder
	var m metric.Metric
	for _, c := range benchRequests {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Reset()
				if err := d.Decode(&m, &c.in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchBatches are batches of 100 metrics with tags.
var benchBatches = []struct {
	name string
	body []byte
}{
	{"lines", []byte(strings.Repeat("some.key.name,env=prod,locale=en-us:1|c\n", 100))},
	{"sampled", []byte(strings.Repeat("some.key.name,env=prod,locale=en-us:1|c|@0.5\n", 100))},
	{"shifts", []byte(strings.Repeat("some.key.name,env=prod,locale=en-us:-5|g\n", 100))},
	{"negative", []byte(strings.Repeat("some.key.name,env=prod,locale=en-us:0|g\nsome.key.name,locale=en-us,env=prod:-5|g\n", 100))},
	{"spaced", []byte("[" + strings.TrimSuffix(strings.Repeat(`{"metric": "some.key.name", "metric_type": "count", "value": 1, "tags": "env=prod,locale=en-us"}, `, 100), ", ") + "]")},
	{"object", []byte("[" + strings.TrimSuffix(strings.Repeat(`{"metric":"some.key.name","metric_type":"count","value":1,"tags":{"env":"prod","locale":"en-us"}},`, 100), ",") + "]")},
	{"json", []byte("[" + strings.TrimSuffix(strings.Repeat(`{"metric":"some.key.name","metric_type":"count","value":1,"tags":"env=prod,locale=en-us"},`, 100), ",") + "]")},
}

// convert decodes a batch of 100 metrics and appends their lines to l.
func convert(t testing.TB, d *Decoder, e *metric.Encoder, l *metric.Lines, m *metric.Metric, body []byte) {
	var w metric.Written
	l.Truncate(0)
	for d.OpenBatch(body); ; {
		if appendFast(d, e, &w, l, nil) {
			continue
		}
		bad, err := d.Next(m)
		if err == io.EOF {
			break
		}
		if bad == nil {
			_, bad = e.Append(l, m, nil)
		}
		if bad != nil || err != nil {
			t.Fatal(bad, err)
		}
	}
	if len(l.Ends) != 100 {
		t.Fatalf("the batch has %d metrics, want 100", len(l.Ends))
	}
}

func newBatchBench(t testing.TB) (*Decoder, *metric.Encoder, *metric.Lines, *metric.Metric) {
	e, err := metric.NewEncoder(metric.Options{MaxLine: 1432})
	if err != nil {
		t.Fatal(err)
	}
	return new(Decoder), e, new(metric.Lines), new(metric.Metric)
}

func TestBatchAllocatesNothing(t *testing.T) {
	d, e, l, m := newBatchBench(t)
	for _, b := range benchBatches {
		if allocs := testing.AllocsPerRun(100, func() { convert(t, d, e, l, m, b.body) }); allocs != 0 {
			t.Errorf("%s: %v allocations", b.name, allocs)
		}
	}
}

// BenchmarkBatch measures decoding, checking and writing, for each metric.
func BenchmarkBatch(b *testing.B) {
	d, e, l, m := newBatchBench(b)
	for _, c := range benchBatches {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				convert(b, d, e, l, m, c.body)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/metric")
		})
	}
}
