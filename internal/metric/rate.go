package metric

import (
	"fmt"

	"statsd-http-proxy/internal/quote"
)

// minLineRate is the minimum sample rate of a line. Servers that keep single
// values, such as statsd_exporter, repeat a timing 1/rate times.
const minLineRate = 0.0001

// appendRate appends the sample rate of m, unless it is 1, and returns the
// fraction of such metrics that the caller must forward.
func appendRate(dst []byte, m *Metric) (_ []byte, forward float64, err error) {
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
	case n.isZero || n.isNegative || !n.isBelowOne():
		return nil, 0, fmt.Errorf(`parameter "sampleRate": %s is not above 0 and at most 1`, quote.Bytes(value.Text))
	}
	dst = n.append(append(dst, '|', '@'))
	rate := n.float()
	switch {
	case !m.FromLine:
		return dst, rate, nil
	case rate < minLineRate:
		return nil, 0, fmt.Errorf(`parameter "sampleRate": %s is below %v, the minimum in a line`, quote.Bytes(value.Text), minLineRate)
	}
	return dst, 1, nil // the client has sampled
}
