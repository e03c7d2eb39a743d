package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	// minBuffer has room for the largest datagram.
	minBuffer = 64 << 10

	// A datagram has room for the longest name with some tags, and is at most
	// what UDP over IPv4 can carry.
	minDatagram = 512
	maxDatagram = 65507
)

// units are the suffixes of sizes, in lower case.
var units = map[string]int{
	"": 1, "b": 1,
	"kb": 1000, "mb": 1000 * 1000, "gb": 1000 * 1000 * 1000,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
}

// size accepts a number of bytes from least to 2 GiB, with or without a unit.
func size(least int) kind {
	return kind{name: "SIZE", parse: func(s string) (any, error) { return parseSize(s, least, math.MaxInt32) }}
}

// datagramSize accepts the size of a datagram in bytes, and auto, which is 0.
func datagramSize() kind {
	return kind{name: "SIZE", parse: func(s string) (any, error) {
		if s == "auto" {
			return 0, nil
		}
		n, err := parseSize(s, minDatagram, maxDatagram)
		if err != nil {
			return nil, fmt.Errorf("%w, or auto", err)
		}
		return n, nil
	}}
}

// exampleSizes returns sizes of at most most bytes.
func exampleSizes(most int) string {
	if most < 1_000_000 {
		return "1432 or 8KiB"
	}
	return "65536, 64KiB or 1MB"
}

// parseSize reads a whole number of bytes with an optional unit.
func parseSize(s string, least, most int) (int, error) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit, ok := units[strings.ToLower(s[len(digits):])]
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n > uint64(most/unit) || int(n)*unit < least {
		return 0, fmt.Errorf("want a size from %d to %d bytes, such as %s", least, most, exampleSizes(most))
	}
	return int(n) * unit, nil
}
