package metric

import (
	"fmt"

	"statsd-http-proxy/internal/quote"
)

// Kinds is a set of kinds. Its zero value is empty.
type Kinds uint8

// AllKinds contains every Kind.
const AllKinds Kinds = 1<<(Distribution+1) - 1

// ParseKinds returns the set of the kinds with the given names in requests.
func ParseKinds(names []string) (Kinds, error) {
	var set Kinds
	for _, name := range names {
		k, ok := ParseKind([]byte(name))
		if !ok {
			return 0, fmt.Errorf("type %s is none of count, gauge, timing, set, histogram and distribution", quote.Bytes([]byte(name)))
		}
		set |= 1 << k
	}
	return set, nil
}

// Has reports whether the set contains k.
func (set Kinds) Has(k Kind) bool { return set>>k&1 == 1 }
