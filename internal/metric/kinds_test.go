package metric

import (
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/quote"
)

func TestKindsIsASet(t *testing.T) {
	f := func(names string, want ...Kind) {
		t.Helper()
		all, err := ParseKinds(strings.Fields(names))
		if err != nil {
			t.Errorf("%s: %v", names, err)
		}
		for k := Count; k <= Distribution; k++ {
			if all.Has(k) != slices.Contains(want, k) {
				t.Errorf("%q has %v: %v", names, k, all.Has(k))
			}
		}
	}
	f("")
	f("count", Count)
	f("timing count timing", Count, Timing)
	f("count gauge timing set histogram distribution", Count, Gauge, Timing, Set, Histogram, Distribution)
	if all, _ := ParseKinds([]string{"count", "gauge", "timing", "set", "histogram", "distribution"}); all != AllKinds {
		t.Errorf("AllKinds is %b, want %b", AllKinds, all)
	}
	for _, name := range []string{"", "c", "Count", "counts", "*"} {
		if _, err := ParseKinds([]string{"count", name}); err == nil || !strings.Contains(err.Error(), quote.Bytes([]byte(name))) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
