package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind says how the text of an option becomes its value.
type kind struct {
	name  string                         // in the help text: --http-port=PORT
	parse func(text string) (any, error) // the error says what the text should be

	isSwitch bool // the flag needs no value
	isList   bool // the values add up; parse returns a slice
}

// adminAddress accepts HOST:PORT with an empty host for all interfaces, and unix:PATH.
func adminAddress() kind {
	return kind{name: "ADDRESS", parse: func(s string) (any, error) {
		if path, ok := strings.CutPrefix(s, "unix:"); ok {
			if path == "" || len(path) > maxSocketPath {
				return nil, fmt.Errorf("want unix: and a path of at most %d bytes", maxSocketPath)
			}
			return s, nil
		}
		host, port, err := net.SplitHostPort(s)
		_, portErr := strconv.ParseUint(port, 10, 16)
		if s != "" && (err != nil || portErr != nil || strings.ContainsAny(host, "/ \t\r\n")) {
			return nil, errors.New("want HOST:PORT, such as 127.0.0.1:8826, or unix:PATH")
		}
		return s, nil
	}}
}

// metricPrefix accepts prefixes of names that every StatsD server takes.
func metricPrefix() kind {
	return kind{name: "PREFIX", parse: func(s string) (any, error) {
		for _, r := range s {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", r) {
				return nil, errors.New("want letters, digits and _ . -")
			}
		}
		if len(s) > maxMetricPrefix || s != "" && strings.Trim(s, ".") == "" {
			return nil, fmt.Errorf("want a name of at most %d bytes", maxMetricPrefix)
		}
		return s, nil
	}}
}

// urlName is the name of URLs in the help text.
const urlName = "URL"

// text accepts any string.
func text(name string) kind {
	return kind{name: name, parse: func(s string) (any, error) { return s, nil }}
}

// list accepts strings that are separated by commas. Blanks around them are
// dropped. An empty text is an empty list.
func list(name string) kind {
	return kind{name: name, isList: true, parse: func(s string) (any, error) {
		if strings.TrimSpace(s) == "" {
			return []string(nil), nil
		}
		words := strings.Split(s, ",")
		for i := range words {
			words[i] = strings.TrimSpace(words[i])
		}
		return words, nil
	}}
}

// secrets accepts one secret at a time, which may contain commas.
func secrets() kind {
	return kind{name: "SECRET", isList: true, parse: func(s string) (any, error) {
		return []string{s}, nil
	}}
}

// onOff accepts true and false.
func onOff() kind {
	return kind{isSwitch: true, parse: func(s string) (any, error) {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, errors.New("want true or false")
		}
		return b, nil
	}}
}

// oneOf accepts the words of choices.
func oneOf(choices []choice) kind {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = c.word
	}
	return kind{name: "WORD", parse: func(s string) (any, error) {
		if !slices.Contains(words, s) {
			return nil, errors.New("want one of " + strings.Join(words, ", "))
		}
		return s, nil
	}}
}

// host accepts a host name or an IP address, which may stand in brackets. Its
// error names the option of the port, given as portOption, if s contains one.
func host(portOption string) kind {
	return kind{name: "HOST", parse: func(s string) (any, error) {
		address := s
		if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
			address = s[1 : len(s)-1]
		}
		withoutZone, _, _ := strings.Cut(address, "%") // fe80::1%eth0
		if net.ParseIP(withoutZone) != nil {
			return address, nil
		}
		if !strings.ContainsAny(s, "[]:/ \t\r\n") {
			return s, nil
		}
		if _, port, err := net.SplitHostPort(s); err == nil && isNumber(port) {
			return nil, fmt.Errorf("want a host without a port; give the port as --%s=%s", portOption, port)
		}
		return nil, errors.New("want a host name or an IP address")
	}}
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

// portName is the name of ports in the help text.
const portName = "PORT"

// port accepts port numbers from least.
func port(least int) kind { return number(portName, "a number", least, math.MaxUint16) }

// count accepts whole numbers from 0 to most.
func count(most int) kind { return number("N", "a whole number", 0, most) }

// connCount accepts whole numbers from 0 to maxConns, and auto, which is AutoMaxConns.
func connCount() kind {
	counts := count(maxConns)
	return kind{name: counts.name, parse: func(s string) (any, error) {
		if s == "auto" {
			return AutoMaxConns, nil
		}
		n, err := counts.parse(s)
		if err != nil {
			return nil, fmt.Errorf("%w, or auto", err)
		}
		return n, nil
	}}
}

// countFrom1 accepts whole numbers from 1 to most.
func countFrom1(most int) kind { return number("N", "a whole number", 1, most) }

func number(name, what string, least, most int) kind {
	return kind{name: name, parse: func(s string) (any, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return nil, fmt.Errorf("want %s from %d to %d", what, least, most)
		}
		return n, nil
	}}
}

// rate accepts numbers per second from 0.001 to maxRate, and 0 if allowsZero is set.
func rate(allowsZero bool) kind {
	wanted := fmt.Errorf("want a number from 0.001 to %.0f", maxRate)
	if allowsZero {
		wanted = fmt.Errorf("want 0, or a number from 0.001 to %.0f", maxRate)
	}
	return kind{name: "N", parse: func(s string) (any, error) {
		r, err := strconv.ParseFloat(s, 64)
		if err != nil || !(r >= 0.001 && r <= maxRate || r == 0 && allowsZero) {
			return nil, wanted
		}
		return r, nil
	}}
}

// The largest values of options.
const (
	maxConns   = 1_000_000
	maxTagKeys = 1_000_000
	maxSeries  = 100_000_000 // they take 1.2 GB
	maxBurst   = 1_000_000_000
	maxRate    = 1e9
	maxTime    = 24 * time.Hour // a longer time was meant in another unit

	maxMetricPrefix = 100 // bytes; leaves room for the names of the metrics
)

// duration accepts times from least to a day, as seconds or with a unit.
func duration(least time.Duration) kind {
	wanted := "want a time of up to 24h, such as 5, 0.5 or 500ms"
	if least > 0 {
		wanted = "want a time above 0 and up to 24h, such as 5, 0.5 or 500ms"
	}
	return kind{name: "TIME", parse: func(s string) (any, error) {
		d, err := parseTime(s)
		if err != nil || d < least || d > maxTime {
			return nil, errors.New(wanted)
		}
		return d, nil
	}}
}

// parseTime reads a number of seconds, or a Go duration.
func parseTime(s string) (time.Duration, error) {
	if strings.Trim(s, "+-.0123456789") == "" {
		s += "s"
	}
	return time.ParseDuration(s)
}
