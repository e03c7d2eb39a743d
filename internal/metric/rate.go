package metric

import (
	"fmt"

	"statsd-http-proxy/internal/quote"
)

// minRate is the minimum sample rate. Some servers, such as statsd_exporter, repeat
// a timing 1/rate times.
const minRate = 0.0001

// rateRange is the format of the error for another rate.
var rateRange = fmt.Sprintf(`parameter "sampleRate": %%s is not a number from %v to 1`, minRate)

// appendRate appends the sample rate of m, unless it is 1, and returns it.
func appendRate(dst []byte, m *Metric) (_ []byte, rate float64, err error) {
	value := &m.SampleRate
	if value.Form == Absent {
		return dst, 1, nil
	}
	var n number
	if err := parseParam(&n, "sampleRate", value); err != nil {
		return nil, 0, err
	}
	switch {
	case n.isOne():
		return dst, 1, nil
	case !n.isBelowOne() || n.float() < minRate:
		return nil, 0, quote.Error(rateRange, value.Text)
	}
	return n.append(append(dst, '|', '@')), n.float(), nil
}
