package auth

import (
	"errors"
	"sync/atomic"
)

// Stats are counters of tokens since the start of a Verifier.
type Stats struct {
	Valid       uint64
	Missing     uint64 // requests without a token
	Malformed   uint64 // no JWT, or with extensions that are not supported
	Signature   uint64 // bad signature, or no key for it
	Expired     uint64
	NotYetValid uint64
	Claims      uint64 // a claim is wrong or missing
}

// counters are the counters of a Verifier.
type counters struct {
	valid, missing, malformed, signature, expired, notYetValid, claims atomic.Uint64
}

// Stats returns the counters of v.
func (v *Verifier) Stats() Stats {
	c := &v.counters
	return Stats{
		Valid:       c.valid.Load(),
		Missing:     c.missing.Load(),
		Malformed:   c.malformed.Load(),
		Signature:   c.signature.Load(),
		Expired:     c.expired.Load(),
		NotYetValid: c.notYetValid.Load(),
		Claims:      c.claims.Load(),
	}
}

// CountMissing counts a request that should have a token and has none.
func (v *Verifier) CountMissing() { v.counters.missing.Add(1) }

// count counts a token by the result of verify.
func (c *counters) count(err error) {
	if err == nil {
		c.valid.Add(1)
		return
	}
	c.ofError(err).Add(1)
}

// ofError returns the counter of the tokens that are rejected with err.
func (c *counters) ofError(err error) *atomic.Uint64 {
	var claim *claimTypeError
	switch {
	case errors.As(err, &claim), errors.Is(err, errNoExp), errors.Is(err, errIssuer), errors.Is(err, errAudience):
		return &c.claims
	case errors.Is(err, errExpired):
		return &c.expired
	case errors.Is(err, errTooEarly):
		return &c.notYetValid
	case errors.Is(err, errSignature), errors.Is(err, errNoKey):
		return &c.signature
	default:
		return &c.malformed
	}
}
