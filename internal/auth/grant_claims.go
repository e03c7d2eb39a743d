package auth

import (
	"errors"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"statsd-http-proxy/internal/metric"
)

// The ranges of the claims rate, burst and max_series. They are those of the
// options --rate-limit, --rate-burst and --max-series.
const (
	minRate  = 0.001
	maxRate  = 1e9
	maxCount = 1_000_000_000
)

// grantClaims has a function for each claim that limits what a token allows. The
// function sets the claim's field of a Grant. A null is an error.
var grantClaims = map[string]func(*Grant, jsontext.Value) error{
	"metrics": func(g *Grant, value jsontext.Value) (err error) {
		g.Metrics, err = parsePatterns(value)
		return err
	},
	"tags": func(g *Grant, value jsontext.Value) (err error) {
		g.Tags, err = parsePatterns(value)
		return err
	},
	"types": func(g *Grant, value jsontext.Value) error {
		names, err := parseStrings(value)
		if err == nil {
			g.Kinds, err = metric.ParseKinds(names)
		}
		return err
	},
	"prefix": func(g *Grant, value jsontext.Value) error {
		prefix, err := parseString(value)
		g.Prefix = []byte(prefix)
		return errors.Join(err, metric.CheckPrefix(prefix))
	},
	"rate": func(g *Grant, value jsontext.Value) (err error) {
		g.Rate, err = parseRate(value)
		return err
	},
	"burst": func(g *Grant, value jsontext.Value) (err error) {
		g.Burst, err = parseCount(value)
		return err
	},
	"max_series": func(g *Grant, value jsontext.Value) (err error) {
		g.MaxSeries, err = parseCount(value)
		return err
	},
}

// parsePatterns parses an array of patterns. A single string counts as an array
// of one.
func parsePatterns(value jsontext.Value) (metric.Patterns, error) {
	list, err := parseStrings(value)
	if err != nil {
		return nil, err
	}
	return metric.ParsePatterns(list)
}

// parseRate parses a JSON number from minRate to maxRate.
func parseRate(value jsontext.Value) (float64, error) {
	rate, err := strconv.ParseFloat(string(value), 64)
	if err != nil || !(rate >= minRate && rate <= maxRate) {
		return 0, errors.New("want a number from 0.001 to 1000000000")
	}
	return rate, nil
}

// parseCount parses a JSON number that is an integer from 1 to maxCount. It may be
// written with a fraction or an exponent, such as 1e3.
func parseCount(value jsontext.Value) (int, error) {
	count, err := strconv.ParseFloat(string(value), 64)
	if err != nil || count < 1 || count > maxCount || count != float64(int(count)) {
		return 0, errors.New("want an integer from 1 to 1000000000")
	}
	return int(count), nil
}
