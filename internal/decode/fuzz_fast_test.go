package decode

import (
	"fmt"
	"strings"
	"testing"

	"statsd-http-proxy/internal/metric"
)

func newEncoder(t testing.TB, options metric.Options) *metric.Encoder {
	t.Helper()
	if options.MaxLine == 0 {
		options.MaxLine = 1432
	}
	e, err := metric.NewEncoder(options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newPatterns(t testing.TB, texts ...string) metric.Patterns {
	t.Helper()
	patterns, err := metric.ParsePatterns(texts)
	if err != nil {
		t.Fatal(err)
	}
	return patterns
}

// fuzzWriters returns an encoder for each tag format and each flavor.
func fuzzWriters(t testing.TB) (writers []writer) {
	for _, format := range []string{"influxdb", "graphite", "dogstatsd", "librato", "signalfx", "none"} {
		writers = append(writers, writer{newEncoder(t, metric.Options{TagFormat: format, Histograms: true}), format, true})
	}
	for flavor := metric.FlavorEtsy; flavor <= metric.FlavorVector; flavor++ {
		for _, format := range []string{"influxdb", "dogstatsd"} {
			options := metric.Options{Flavor: flavor, TagFormat: format, Histograms: true}
			writers = append(writers, writer{newEncoder(t, options), format, flavor == metric.FlavorStatsDExporter})
		}
	}
	return writers
}

// fuzzEncoders returns the encoders of fuzzWriters and some with other options.
func fuzzEncoders(t testing.TB) (encoders []*metric.Encoder) {
	for _, w := range fuzzWriters(t) {
		encoders = append(encoders, w.encoder)
	}
	for _, options := range []metric.Options{
		{Tags: []metric.Tag{{Key: []byte("env"), Value: []byte("prod")}}},
		{Prefix: "pre", NameFormat: "prometheus", Lowercase: true},
		{Prefix: "pre", NameFormat: "graphite", MaxLine: 24},
		{Prefix: "__", IsStream: true, DenyMetrics: newPatterns(t, "b*", "*x*"), AllowTags: newPatterns(t, "a*", "*e")},
		{Metrics: newPatterns(t, "a*", "b*"), IsStream: true, Flavor: metric.FlavorTelegraf},
		{Prefix: strings.Repeat("p", metric.MaxName-5) + ".", MaxLine: 60_000},
	} {
		encoders = append(encoders, newEncoder(t, options))
	}
	return encoders
}

// FuzzBatch checks that the fast paths change nothing about a batch: neither its lines nor
// how they are described, and neither errors nor what is read after them.
func FuzzBatch(f *testing.F) {
	batches := []string{
		"a:1|c\nb,env=prod:1:2|ms|@0.5\r\n\nc;x=y:-5|g|#env:prod\nu:alice:bob|s\nh:1|h\na,b=1,a=2:1|c\na,b=1,a=2:1|c",
		"a b:+1|g|@1|#a:b\n:1|c\na:1|c|#a\nä,ö=ü:1e3|d\nb,a=1,b=2:1|c\nc,a=1,b=2:3|c\nc,a=1,b=2:3|ms|@0.0001\nc,a=1,b=20:1|c\nc,a=1,b=:1|c",
		"a:0|g\na:-5|g\nb:1|ms|@0.5:2|ms|@0.5|#x:y|c:in-1\nc,b=1,a=2:.5|h|T12\nt:1|ms|@0.0001\nconstructor:1|c\n[a]:1|c\na,le=1:1|c\na,__a=1:1|c\na,host=b:1|c",
		`[{"metric":"a","metric_type":"count","value":1,"tags":"b=1,e=2"}, {"metric":"b","type":"count","value":12,"tags":"b=1,e=2"},{"name":"c","type":"timing","value":320,"sampleRate":0.25,"tags":{"b":"1","e":"2"}}]`,
		`[{"metric":"a","metric_type":"set","value":"alice bob"},{"metric":"s","type":"set","value":"a\u0062"},{"metric":"a","type":"set","value":5}]`,
		`[{"metric":"a", "metric_type":"count", "value":1, "tags":{"b":"1", "a":"2"}}, {"metric":"a","type":"gauge","value":0,"tags":{"a":"1","a":"2"}}, {"metric":"a","type":"gauge","value":-1}]`,
		`[{"metric":"a","type":"count","value":1,"tags":{"a":"1,b=2"}}, {"metric":"a","type":"count","value":1,"tags":{"a ":"1"}}, {"metric":"a","type":"count","value":"1"}, {"metric":"a","type":"gauge","value":1,"sampleRate":1}, 5]`,
		`[{"metric":"a","type":"histogram","value":1,"sampleRate":1}, {"metric":"a","type":"distribution","value":1,"sampleRate":0.0001}, {"metric":"a","type":"timing","value":01}, {"metric":"constructor","type":"count","value":12345678}]`,
		`[{"metric":"a\\","type":"count","value":1}, {"metric":"b\"c","type":"count","value":1}, {"metric":"k","type":"count","value":1,"tags":"host=a,le=1,quantile=2,__x=3"}]`,
	}
	var tags []string
	for i := range metric.MaxTags + 1 {
		tags = append(tags, fmt.Sprintf("k%03d=v", i))
	}
	for _, text := range []string{strings.Join(tags[1:], ","), strings.Join(tags, ",")} {
		batches = append(batches, "k,"+text+":1|c", `[{"metric":"k","type":"count","value":1,"tags":"`+text+`"}]`)
	}
	for _, object := range fastObjects {
		batches = append(batches, "["+object+"]", object)
	}
	encoders := fuzzEncoders(f)
	kinds, err := metric.ParseKinds([]string{"count", "gauge"})
	if err != nil {
		f.Fatal(err)
	}
	narrow := &metric.Scope{Prefix: []byte("p"), Metrics: newPatterns(f, "a*", "*e"), Tags: newPatterns(f, "a*", "*e"), Kinds: kinds}
	invalid := &metric.Scope{Prefix: []byte("p|"), Kinds: metric.AllKinds}
	scopes := []*metric.Scope{nil, narrow, invalid}
	for _, batch := range batches {
		for i := range len(encoders) * len(scopes) {
			f.Add(uint8(i), []byte(batch))
		}
	}
	f.Fuzz(func(t *testing.T, settings uint8, body []byte) {
		e, scope := encoders[int(settings)/len(scopes)%len(encoders)], scopes[int(settings)%len(scopes)]
		if fast, slow := describeBatch(e, scope, body, true), describeBatch(e, scope, body, false); fast != slow {
			t.Fatalf("settings %d: the fast path makes of %q:\n%s\nwant:\n%s", settings, body, fast, slow)
		}
	})
}

// describeBatch describes what the decoder and e make of a batch. The fast paths are used if
// isFast is set.
func describeBatch(e *metric.Encoder, scope *metric.Scope, body []byte, isFast bool) (description string) {
	var d Decoder
	var m metric.Metric
	var l metric.Lines
	var out strings.Builder
	for d.OpenBatch(body); ; {
		before := len(l.Ends)
		var w metric.Written
		isWritten := isFast && appendFast(&d, e, &w, &l, scope)
		if !isWritten {
			bad, err := d.Next(&m)
			if err != nil {
				fmt.Fprintf(&out, "end: %v\n", err)
				break
			}
			if bad == nil {
				w, bad = e.Append(&l, &m, scope)
			}
			if bad != nil {
				fmt.Fprintf(&out, "%T %v\n", bad, bad)
				l.Truncate(before)
				continue
			}
		}
		fmt.Fprintln(&out, describeWritten(e, &w))
	}
	fmt.Fprintf(&out, "%q %d", l.Bytes, l.Ends)
	return out.String()
}

// describeWritten describes a written line.
func describeWritten(e *metric.Encoder, w *metric.Written) string {
	return fmt.Sprintf("%v rate %v, %v repeats, name %q, series %q %q, keys %q", w.Kind, w.Rate, w.Repeats, w.BareName(), w.Name, w.Tags, keysOf(e, w))
}

// appendFast appends the next entry of a batch by a fast path, if one of them takes it.
func appendFast(d *Decoder, e *metric.Encoder, w *metric.Written, l *metric.Lines, scope *metric.Scope) bool {
	length := e.AppendFast(w, l, d.Lines(), scope)
	if length == 0 && e.TakesFields() {
		var f *metric.Fields
		if f, length = d.Fields(); length > 0 && !e.AppendFields(w, l, f, scope) {
			length = 0
		}
	}
	if length > 0 {
		d.Skip(length)
	}
	return length > 0
}

// keysOf returns the tag keys of a written line.
func keysOf(e *metric.Encoder, w *metric.Written) (text string) {
	for keys := e.TagKeys(w); ; {
		key, ok := keys.Next()
		if !ok {
			return text
		}
		text += string(key) + " "
	}
}
