package metric

import (
	"fmt"

	"statsd-http-proxy/internal/quote"
)

// Scope is what a client may write. It is immutable and safe for concurrent use.
type Scope struct {
	// Metrics matches the names that the client may write; nil matches all. The
	// encoder matches the name that the client sent, after replacing characters,
	// without any prefix.
	Metrics Patterns

	// Tags matches the keys of the tags that the client may write, as written; nil
	// matches all.
	Tags Patterns

	// Kinds are the kinds that the client may write.
	Kinds Kinds

	// Prefix precedes each name, after the configured prefix, and is joined to
	// the name in the same way. It may be empty.
	Prefix []byte
}

// Written describes the lines that Append or AppendFast has written.
type Written struct {
	Kind Kind

	// Rate is the fraction of such metrics that the caller must forward; 1 means
	// all of them.
	Rate float64

	// Name and Tags identify the metric's series, as they stand in its line. In
	// some formats the tags are a part of Name. Both are parts of Lines.Bytes and
	// valid until the Lines change.
	Name, Tags []byte

	// Repeats is the sum of 1/rate of the timings, histograms and distributions in
	// the lines if the server repeats each value 1/rate times, and 0 otherwise. The
	// caller bounds the sum of a request by MaxRepeats, and charges a client Repeats
	// metrics instead of one.
	Repeats float64

	// HasKnownTags reports that the metric has no tags, or those of an earlier line in
	// Lines. It may be false although it has.
	HasKnownTags bool

	nameEnd int // the length of the name in Name, without tags
}

// BareName returns the metric's name without tags, a part of w.Name.
func (w *Written) BareName() []byte { return w.Name[:w.nameEnd] }

// MaxRepeats is the maximum sum of Written.Repeats of one request.
const MaxRepeats = 10_000

// ForbiddenError says that the client may not write a valid metric.
type ForbiddenError struct{ err error }

func (e *ForbiddenError) Error() string { return e.err.Error() }
func (e *ForbiddenError) Unwrap() error { return e.err }

func newForbiddenError(format string, values ...any) error {
	return &ForbiddenError{fmt.Errorf(format, values...)}
}

// checkAllowed rejects metrics that no client, or not this client, may write.
func (e *Encoder) checkAllowed(kind Kind, name []byte, scope *Scope) error {
	switch {
	case !e.metrics.Match(name) || e.denyMetrics != nil && e.denies(name):
		return &ForbiddenError{quote.Error("the name %s is not allowed here", name)}
	case scope == nil:
		return nil
	case !scope.Kinds.Has(kind):
		return newForbiddenError("the token does not allow the type %s", kind)
	case !scope.Metrics.Match(name):
		return &ForbiddenError{quote.Error("the token does not allow the name %s", name)}
	}
	return nil
}

// denies reports whether an option denies the name, which has no prefix. Servers
// replace or drop characters of names, so denies also tries the name in the forms
// of Etsy StatsD and of Prometheus. It is called only if there are patterns.
func (e *Encoder) denies(name []byte) bool {
	if e.denyMetrics.Match(name) {
		return true
	}
	buffer := make([]byte, 0, MaxName+1)
	return e.denyMetrics.Match(appendSanitized(buffer, name)) || e.denyMetrics.Match(appendEscaped(buffer, name))
}

// appendSanitized appends name as Etsy StatsD sanitizes it: a hyphen replaces each
// slash, and all other characters but letters, digits and _ - . are dropped. Blanks
// are underscores already.
func appendSanitized(dst, name []byte) []byte {
	for _, b := range name {
		switch {
		case b == '/':
			dst = append(dst, '-')
		case isWordChar(b) || b == '-' || b == '.':
			dst = append(dst, b)
		}
	}
	return dst
}
