//go:build linux

package main

import (
	"math"
	"slices"
)

// summary tells what many measurements of one thing say.
type summary struct {
	median    float64
	low, high float64 // the middle half of them lies between
}

// summarize returns the summary of values, which are at least one. It sorts them.
func summarize(values []float64) summary {
	slices.Sort(values)
	return summary{quantile(values, 0.5), quantile(values, 0.25), quantile(values, 0.75)}
}

// spread returns half the width of the middle half, as a part of the median.
func (s summary) spread() float64 {
	return (s.high - s.low) / 2 / s.median
}

// quantile returns the value below which the part q of sorted lies, between its
// neighbours where that falls between two.
func quantile(sorted []float64, q float64) float64 {
	place := q * float64(len(sorted)-1)
	below := int(math.Floor(place))
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (place-float64(below))*(sorted[above]-sorted[below])
}
