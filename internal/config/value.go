package config

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is a flag.Value that parses its text into *to.
type value[T any] struct {
	to    *T
	parse func(string) (T, error)
	write func(T) string
}

func (v value[T]) String() string {
	if v.to == nil { // the flag package asks a zero value for its default
		return ""
	}
	return v.write(*v.to)
}

func (v value[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err == nil {
		*v.to = parsed
	}
	return err
}

// newValue returns a flag.Value for *to, set to preset.
func newValue[T any](to *T, preset T, parse func(string) (T, error), write func(T) string) flag.Value {
	*to = preset
	return value[T]{to, parse, write}
}

func text(to *string, preset string) flag.Value {
	same := func(s string) string { return s }
	return newValue(to, preset, func(s string) (string, error) { return s, nil }, same)
}

func port(to *int, preset int) flag.Value {
	return newValue(to, preset, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 65535 {
			return 0, fmt.Errorf("%q is not a port, 0 to 65535", s)
		}
		return n, nil
	}, strconv.Itoa)
}

// size is a number of bytes, at least least.
func size(to *int, least, preset int) flag.Value {
	return newValue(to, preset, func(s string) (int, error) {
		return parseSize(s, least, math.MaxInt32)
	}, strconv.Itoa)
}

func parseSize(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a size in bytes, %d to %d", s, least, most)
	}
	return n, nil
}

const (
	// minBuffer keeps the largest datagram in the buffer.
	minBuffer = 64 << 10

	// A datagram takes the longest name, with some tags; the largest is that of
	// UDP over IPv4.
	minDatagram = 512
	maxDatagram = 65507
)

// The largest limits that options take. maxSeries is 1.2 GB of them.
const (
	maxConns  = 1_000_000
	maxSeries = 100_000_000
	maxBurst  = 1_000_000_000
	maxRate   = 1e9
)

// count is a number of things, up to most; 0 is the default.
func count(to *int, most int) flag.Value {
	return newValue(to, 0, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > most {
			return 0, fmt.Errorf("%q is not a whole number, 0 to %d", s, most)
		}
		return n, nil
	}, strconv.Itoa)
}

// rate is a number a second; 0 is the default.
func rate(to *float64) flag.Value {
	return newValue(to, 0, func(s string) (float64, error) {
		r, err := strconv.ParseFloat(s, 64)
		if err != nil || !(r == 0 || r >= 0.001 && r <= maxRate) {
			return 0, fmt.Errorf("%q is not a number a second, 0 or 0.001 to %.0f", s, maxRate)
		}
		return r, nil
	}, func(r float64) string { return strconv.FormatFloat(r, 'f', -1, 64) })
}

// datagram is the size of a datagram, 0 for auto.
func datagram(to *int) flag.Value {
	const auto = "auto"
	return newValue(to, 0, func(s string) (int, error) {
		if s == auto {
			return 0, nil
		}
		n, err := parseSize(s, minDatagram, maxDatagram)
		if err != nil {
			return 0, fmt.Errorf("%w, nor %s", err, auto)
		}
		return n, nil
	}, func(n int) string {
		if n == 0 {
			return auto
		}
		return strconv.Itoa(n)
	})
}

// choice is one of a few words, the first of which is the default.
func choice(to *string, words ...string) flag.Value {
	return newValue(to, words[0], func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
		}
		return s, nil
	}, func(s string) string { return s })
}

// maxTime is the longest time an option takes; longer ones are surely meant
// in another unit.
const maxTime = 24 * time.Hour

// seconds is a time as a number of seconds or a Go duration.
func seconds(to *time.Duration, preset time.Duration) flag.Value {
	return newValue(to, preset, func(s string) (time.Duration, error) {
		d, err := parseTime(s)
		if err != nil || d <= 0 || d > maxTime {
			return 0, fmt.Errorf("%q is not a time above 0 and up to a day, like 1, 0.5 or 500ms", s)
		}
		return d, nil
	}, writeTime)
}

// leeway is such a time that may also be 0.
func leeway(to *time.Duration, preset time.Duration) flag.Value {
	return newValue(to, preset, func(s string) (time.Duration, error) {
		d, err := parseTime(s)
		if err != nil || d < 0 || d > maxTime {
			return 0, fmt.Errorf("%q is not a time of 0 up to a day, like 0, 5 or 500ms", s)
		}
		return d, nil
	}, writeTime)
}

func parseTime(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	return d, err
}

func writeTime(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// secrets is a list to which each Set adds one. An empty one counts as none,
// and no secret is ever shown.
func secrets(to *[]string) flag.Value {
	return newValue(to, nil, func(s string) ([]string, error) {
		if s == "" {
			return *to, nil
		}
		return append(*to, s), nil
	}, func([]string) string { return "" })
}

// boolValue is a value that needs no text on the command line.
type boolValue struct{ value[bool] }

// IsBoolFlag tells the flag package so.
func (boolValue) IsBoolFlag() bool { return true }

func toggle(to *bool) flag.Value {
	return boolValue{value[bool]{to, func(s string) (bool, error) {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return false, fmt.Errorf("%q is neither true nor false", s)
		}
		return b, nil
	}, strconv.FormatBool}}
}
