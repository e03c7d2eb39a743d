//go:build linux

package main

import (
	"math"
	"testing"
)

func TestQuantile(t *testing.T) {
	f := func(sorted []float64, q, want float64) {
		t.Helper()
		if got := quantile(sorted, q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %v of %v: got %v, want %v", q, sorted, got, want)
		}
	}
	f([]float64{7}, 0, 7)
	f([]float64{7}, 0.5, 7)
	f([]float64{7}, 1, 7)
	f([]float64{1, 2}, 0.5, 1.5)
	f([]float64{1, 2, 4}, 0.5, 2)
	f([]float64{1, 2, 4}, 0.75, 3)
	f([]float64{1, 2, 4}, 0.99, 3.96)
	f([]float64{1, 2, 4}, 1, 4)
}

func TestSummarize(t *testing.T) {
	values := make([]float64, 101)
	for i := range values {
		values[i] = float64(i * 37 % 101) // 0 to 100, out of order
	}
	got := summarize(values)
	if got.median != 50 || got.spread != 0.5 {
		t.Errorf("got median %v and spread %v, want 50 and 0.5", got.median, got.spread)
	}
	// In 95 % of cases, 101 coin tosses have 50.5 ± 9.85 heads.
	if math.Abs(got.low-40.25) > 0.1 || math.Abs(got.high-59.75) > 0.1 {
		t.Errorf("got the interval %v to %v, want 40.25 and 59.75", got.low, got.high)
	}
	if values[1] != 37 {
		t.Error("summarize sorted its argument")
	}
	if got := summarize([]float64{3}); got.median != 3 || got.low != 3 || got.high != 3 || got.spread != 0 {
		t.Errorf("a single value: got %+v, want 3 for all and no spread", got)
	}
}

func TestCostsAreComparedRoundByRound(t *testing.T) {
	base := &costs{cpu: []float64{10, 20, 40}}
	c := &costs{cpu: []float64{11, 24, 42}} // 1.1, 1.2, 1.05
	if got := c.ratio(base).median; math.Abs(got-1.1) > 1e-9 {
		t.Errorf("ratio: got %v, want 1.1", got)
	}
	if got := c.perMetric(base, 10).median; math.Abs(got-0.2) > 1e-9 {
		t.Errorf("perMetric: got %v, want 0.2", got)
	}
}
