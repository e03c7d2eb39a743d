// Package limit bounds what clients can use: how many metrics a second they
// write (Rates), how many series they create (Series) and how many connections
// they open (Conns). All tables are bounded, do not allocate while a request is
// served, and are safe for concurrent use. The package starts no goroutines and
// no timers: callers pass the current time.
package limit

import (
	"hash/maphash"
	"net/netip"
)

// seed is the seed of all hashes in this process. It is secret, so that clients
// cannot construct two inputs with the same hash.
var seed = maphash.MakeSeed()

// Client identifies a client that limits apply to: the subject of a token, or
// an address. It is a hash of 63 bits and one bit that distinguishes subjects
// from addresses, so that a subject never counts as an address.
type Client uint64

const subjectBit = 1 << 63

// SubjectClient returns the Client for the subject of a token. An empty subject
// is an ordinary client; callers should count tokens without a subject by
// address instead.
func SubjectClient(subject string) Client {
	return Client(maphash.String(seed, subject) | subjectBit)
}

// AddressClient returns the Client for an address. An IPv4 address and its
// IPv4-mapped IPv6 address are one client. All IPv6 addresses of a /64 are one
// client, because a host usually owns a whole /64. Zones are ignored. The zero
// Addr is a client of its own.
func AddressClient(addr netip.Addr) Client {
	addr = addr.Unmap()
	if addr.Is4() {
		b := addr.As4()
		return Client(maphash.Bytes(seed, b[:]) &^ subjectBit)
	}
	b := addr.As16()
	return Client(maphash.Bytes(seed, b[:8]) &^ subjectBit)
}
