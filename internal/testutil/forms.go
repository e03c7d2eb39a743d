package testutil

import (
	"fmt"
	"testing"
)

// SendInEachForm sends a count three times, with the values 1, 2 and 3: as a
// metric of its own, in a JSON array and as a StatsD line. tags are written like
// env=prod,locale=en-us. It returns the lines that have to arrive: head, the value
// and tail.
func SendInEachForm(t testing.TB, p *Proxy, metric, tags, head, tail string) (want []string) {
	t.Helper()
	p.MustSend(t, "/count", fmt.Sprintf(`{"metric": %q, "value": 1, "tags": %q}`, metric, tags))
	p.MustSendBatch(t, fmt.Sprintf(`[{"metric": %q, "metric_type": "count", "value": 2, "tags": %q}]`, metric, tags), 1)
	name := metric
	if tags != "" {
		name += "," + tags
	}
	p.MustSendBatch(t, name+":3|c", 1)
	for value := range 3 {
		want = append(want, fmt.Sprintf("%s:%d|c%s", head, value+1, tail))
	}
	return want
}
