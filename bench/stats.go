//go:build linux

package main

import (
	"math"
	"slices"
)

// summary summarizes many measurements of one quantity.
type summary struct {
	median    float64
	low, high float64 // 95 % confidence interval of the median
	spread    float64 // half of the interquartile range, as a fraction of the median
}

// summarize returns the summary of at least one value. It does not change
// values.
func summarize(values []float64) summary {
	values = slices.Sorted(slices.Values(values))
	median := quantile(values, 0.5)
	// The number of values below the true median has a binomial distribution
	// with the mean n/2 and the standard deviation √n/2.
	margin := 1.96 / 2 / math.Sqrt(float64(len(values)))
	return summary{
		median: median,
		low:    quantile(values, max(0, 0.5-margin)),
		high:   quantile(values, min(1, 0.5+margin)),
		spread: (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median,
	}
}

// quantile returns the q-quantile of sorted, with linear interpolation.
func quantile(sorted []float64, q float64) float64 {
	position := q * float64(len(sorted)-1)
	below := int(math.Floor(position))
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (position-float64(below))*(sorted[above]-sorted[below])
}

// mean returns the arithmetic mean of values.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
