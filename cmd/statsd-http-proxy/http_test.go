package main

import (
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/metric"
)

// TestOptionsReachTheEncoder encodes one metric with different options.
func TestOptionsReachTheEncoder(t *testing.T) {
	f := func(args, want string) {
		t.Helper()
		e, err := newEncoder(parse(t, strings.Fields(args)...))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			return
		}
		m := metric.Metric{
			Kind:  metric.Gauge,
			Name:  []byte("Web.a/b"),
			Value: metric.Value{Text: []byte("-5"), Form: metric.Number},
			Tags:  []metric.Tag{{Key: []byte("env"), Value: []byte("prod")}},
		}
		var l metric.Lines
		got := ""
		if _, err := e.Append(&l, &m, nil); err != nil {
			got = "error: " + err.Error()
		} else {
			got = string(l.Bytes)
		}
		if got != want && !(strings.HasPrefix(want, "error:") && strings.HasPrefix(got, want)) {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
	f("", "Web.a/b,env=prod:0|g\nWeb.a/b,env=prod:-5|g")
	f("--statsd-network=tcp", "Web.a/b,env=prod:0|g:-5|g")
	f("--statsd-flavor=gostatsd", "Web.a/b:-5|g|#env:prod")
	f("--statsd-flavor=telegraf --tag-format=none", "Web.a/b:0|g:-5|g")
	f("--statsd-flavor=gostatsd --metric-prefix=p --tags=a=1,env=x --tags=b=2", "p.Web.a/b:-5|g|#a:1,b:2,env:prod")
	f("--statsd-flavor=gostatsd --lowercase --name-format=graphite", "web.a_b:-5|g|#env:prod")
	f("--allow-metrics=App.*", "error: the name")
	f("--statsd-flavor=gostatsd --allow-metrics=App.* --allow-metrics=Web.*", "Web.a/b:-5|g|#env:prod")
	f("--deny-metrics=App.*,Web.*", "error: the name")
	f("--allow-tags=page,host", "error: parameter \"tags\": the key")
	f("--statsd-flavor=gostatsd --allow-tags=page --allow-tags=e*", "Web.a/b:-5|g|#env:prod")
	f("--statsd-max-datagram=512 --metric-prefix="+strings.Repeat("a", 240), "error: ")
}

// TestChoicesAreKnown passes each word that an option accepts to the package
// that it is for.
func TestChoicesAreKnown(t *testing.T) {
	for option, words := range map[string]string{
		"--statsd-flavor": "none etsy telegraf statsd-exporter gostatsd datadog vector",
		"--tag-format":    "influxdb graphite dogstatsd librato signalfx none",
		"--name-format":   "any graphite prometheus",
	} {
		for word := range strings.FieldsSeq(words) {
			if _, err := newEncoder(parse(t, option+"="+word)); err != nil {
				t.Errorf("%s=%s: %v", option, word, err)
			}
		}
	}
}

// TestOptionsTurnLimitsOn checks which limits each option turns on. Only the limit of tag
// keys is on by default.
func TestOptionsTurnLimitsOn(t *testing.T) {
	f := func(args string, want ...string) {
		t.Helper()
		o, err := newHTTPOptions(parse(t, strings.Fields(args)...))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			return
		}
		var got []string
		for _, limit := range []struct {
			name string
			isOn bool
		}{
			{"conns", o.transport.Conns != nil},
			{"rate", o.ingest.RateLimit > 0},
			{"series", o.ingest.Series != nil},
			{"tag keys", o.ingest.TagKeys != nil},
		} {
			if limit.isOn {
				got = append(got, limit.name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got limits of %v, want %v", args, got, want)
		}
	}
	f("", "tag keys")
	f("--max-conns=1", "conns", "tag keys")
	f("--max-conns-per-ip=1", "conns", "tag keys")
	f("--rate-limit=0.5", "rate", "tag keys")
	f("--max-series=1", "series", "tag keys")
	f("--max-conns=0 --max-conns-per-ip=0 --rate-limit=0 --max-series=0 --max-tag-keys=0")
}
