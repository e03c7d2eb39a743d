package decode

import (
	"bytes"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// query decodes a query string into m. It ignores the parameter token, see
// QueryToken.
func (d *Decoder) query(m *metric.Metric, query []byte) error {
	return d.pairs(m, query, true)
}

// BatchQuery checks the query string of a batch. It returns an error for each
// parameter but token: a batch has its parameters in the body.
func (d *Decoder) BatchQuery(query []byte) error {
	for pair := range bytes.SplitSeq(query, []byte{'&'}) {
		if len(pair) == 0 {
			continue
		}
		name, _, _ := bytes.Cut(pair, []byte{'='})
		d.scratch = d.scratch[:0]
		if unescaped, err := d.unescapeField(name); err != nil || string(unescaped) != "token" {
			return quote.Error("unknown parameter %s in the query string of a batch", name)
		}
	}
	return nil
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
