package metric

import (
	"fmt"

	"statsd-http-proxy/internal/quote"
)

// Scope is what a client may write, and where. It is not changed once it is
// made, and safe for concurrent use.
type Scope struct {
	// Metrics are the names that may be written, nil for all of them. They are
	// held against what the client calls a metric, cleaned as it is written, but
	// without any prefix.
	Metrics Patterns

	// Kinds are the kinds that may be written.
	Kinds Kinds

	// Prefix is put before each name, behind the configured one, and joined to
	// it in the same way. Mostly it is empty.
	Prefix []byte
}

// Written is what Append has to say of the lines that it wrote.
type Written struct {
	// Rate is the fraction of such metrics that the caller must let through, 1
	// for all of them.
	Rate float64

	// Name and Tags are what tells the metric's series from others, as they
	// stand in its line; the tags may be part of the name. They belong to the
	// Lines and are valid until these are changed.
	Name, Tags []byte
}

// ForbiddenError says that a metric may not be written.
type ForbiddenError struct{ err error }

func (e *ForbiddenError) Error() string { return e.err.Error() }
func (e *ForbiddenError) Unwrap() error { return e.err }

func forbid(format string, values ...any) error {
	return &ForbiddenError{fmt.Errorf(format, values...)}
}

// checkAllowed refuses what may not be written: by anybody, or by this client.
func (e *Encoder) checkAllowed(kind Kind, name []byte, scope *Scope) error {
	switch {
	case !e.metrics.Match(name):
		return forbid("the name %s is not allowed here", quote.Bytes(name))
	case scope == nil:
		return nil
	case !scope.Kinds.Has(kind):
		return forbid("the token does not allow the type %s", kind)
	case !scope.Metrics.Match(name):
		return forbid("the token does not allow the name %s", quote.Bytes(name))
	}
	return nil
}
