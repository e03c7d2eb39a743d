package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/limit"
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

// TestLimitsFollowTheOptions checks which limits options turn on. By default, only
// tag keys and the connections, by the number of file descriptors, are limited.
func TestLimitsFollowTheOptions(t *testing.T) {
	type limits struct{ conns, rate, series, tagKeys bool }
	f := func(args string, want limits) {
		t.Helper()
		o, err := newHTTPOptions(parse(t, strings.Fields(args)...))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			return
		}
		got := limits{o.transport.Conns != nil, o.ingest.RateLimit > 0, o.ingest.Series != nil, o.ingest.TagKeys != nil}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", args, got, want)
		}
	}
	f("", limits{conns: limit.DefaultMaxConns() > 0, tagKeys: true})
	f("--max-conns=0 --max-tag-keys=0", limits{})
	f("--max-conns=0 --max-tag-keys=1", limits{tagKeys: true})
	f("--max-tag-keys=0 --max-conns=1", limits{conns: true})
	f("--max-tag-keys=0 --max-conns=0 --max-conns-per-ip=1", limits{conns: true})
	f("--max-tag-keys=0 --max-conns=0 --rate-limit=0.5", limits{rate: true})
	f("--max-tag-keys=0 --max-conns=0 --max-series=1", limits{series: true})
	f("--max-tag-keys=0 --max-conns=0 --max-conns-per-ip=0 --rate-limit=0 --max-series=0", limits{})
}

// TestOptionsReachTheServer checks the options of the public listener.
func TestOptionsReachTheServer(t *testing.T) {
	o, err := newHTTPOptions(parse(t, "--tls-timeout-handshake=3", "--http-timeout-read=4", "--trusted-proxies=10.0.0.0/8", "--proxy-protocol"))
	if err != nil {
		t.Fatal(err)
	}
	server := o.transport
	if server.HandshakeTimeout != 3*time.Second || server.ReadTimeout != 4*time.Second || !server.ProxyProtocol.Contains(netip.MustParseAddr("10.1.2.3")) {
		t.Errorf("got a handshake timeout of %v, a read timeout of %v and the PROXY protocol of %v", server.HandshakeTimeout, server.ReadTimeout, server.ProxyProtocol)
	}
	if o, err = newHTTPOptions(parse(t, "--trusted-proxies=10.0.0.0/8")); err != nil || o.transport.ProxyProtocol != nil {
		t.Errorf("without --proxy-protocol: got %v, %v, want none", o.transport.ProxyProtocol, err)
	}
}
