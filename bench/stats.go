//go:build linux

package main

import (
	"math"
	"slices"
)

// summary tells what many measurements of one thing say.
type summary struct {
	median    float64
	low, high float64 // between which the true median lies, with 95 % confidence
	spread    float64 // half the width of the middle half, as a part of the median
}

// summarize returns the summary of values, which are at least one.
func summarize(values []float64) summary {
	values = slices.Sorted(slices.Values(values))
	median := quantile(values, 0.5)
	// How many values lie below the true median is binomial: n/2, give or take
	// √n/2.
	margin := 1.96 / 2 / math.Sqrt(float64(len(values)))
	return summary{
		median: median,
		low:    quantile(values, max(0, 0.5-margin)),
		high:   quantile(values, min(1, 0.5+margin)),
		spread: (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median,
	}
}

// quantile returns the value below which the part q of sorted lies, between its
// neighbours where that falls between two.
func quantile(sorted []float64, q float64) float64 {
	place := q * float64(len(sorted)-1)
	below := int(math.Floor(place))
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (place-float64(below))*(sorted[above]-sorted[below])
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
