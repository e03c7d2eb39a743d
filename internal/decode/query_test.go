package decode

import (
	"testing"

	"statsd-http-proxy/internal/metric"
)

func TestQueryIgnoresTheToken(t *testing.T) {
	var d Decoder
	decode := func(m *metric.Metric, query []byte) error { return d.Decode(m, &Input{Query: query}) }
	accepts(t, decode, "token=abc&value=1&token=def", "value=$1")
	rejects(t, decode, "tokens=1", `unknown parameter "tokens"`)

	for query, isGood := range map[string]bool{"": true, "&": true, "token=x": true, "%74oken=a&token": true, "value=1": false, "token=a&b": false, "%zz=1": false, "=1": false} {
		if err := d.BatchQuery([]byte(query)); (err == nil) != isGood {
			t.Errorf("BatchQuery(%q) returns %v", query, err)
		}
	}

	f := func(query, want string) {
		t.Helper()
		if got := string(QueryToken([]byte(query))); got != want {
			t.Errorf("QueryToken(%q) = %q, want %q", query, got, want)
		}
	}
	f("", "")
	f("token=", "")
	f("value=1&token=a.b.c&token=d", "a.b.c")
	f("token=&token=a", "a")
	f("xtoken=a", "")
	f("token=a%2Eb", "a.b")
	f("token=a%2", "a%2")
	f("%zz=b&%74oken=a", "a")
}
