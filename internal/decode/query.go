package decode

import (
	"bytes"

	"statsd-http-proxy/internal/metric"
)

// query decodes a query string into m. It ignores the parameter token, see
// QueryToken.
func (d *Decoder) query(m *metric.Metric, query []byte) error {
	return d.fields(m, query, true)
}

// QueryToken returns the first token in a query string that is not empty. It
// returns nil if there is none.
func QueryToken(query []byte) (token []byte) {
	var d Decoder
	for pair := range bytes.SplitSeq(query, []byte{'&'}) {
		rawName, rawText, _ := bytes.Cut(pair, []byte{'='})
		if name, err := d.unescapeField(rawName); err != nil || string(name) != "token" || len(rawText) == 0 {
			continue
		}
		if text, err := d.unescapeField(rawText); err == nil {
			return text
		}
		return rawText // the verifier rejects it: no token contains a percent sign
	}
	return nil
}
