// Package limit keeps what clients may use within bounds: how many metrics
// they write a second (Rates), how many series they make up (Series) and how
// many connections they hold open (Conns). Its tables are bounded, allocate
// nothing on the path of a request and are safe for concurrent use. There are
// no goroutines and no timers: the caller says what time it is.
package limit

import (
	"hash/maphash"
	"net/netip"
)

// seed keys all hashes of the process, so that nobody outside can find two
// inputs that hash alike.
var seed = maphash.MakeSeed()

// Client stands for who is held to a limit: the subject of a token, or an
// address. It is a hash of 63 bits and one that tells the two apart, so that
// no subject can be chosen to pass for an address.
type Client uint64

const subjectBit = 1 << 63

// SubjectClient returns the client of a token's subject. An empty subject is a
// client too: a token without one has to be counted by its address.
func SubjectClient(subject string) Client {
	return Client(maphash.String(seed, subject) | subjectBit)
}

// AddressClient returns the client of an address: of an IPv4 address, written
// as IPv6 or not, or of the /64 of an IPv6 address, since one host owns as
// many addresses. Zones count for nothing. All zero addresses are one client.
func AddressClient(addr netip.Addr) Client {
	addr = addr.Unmap()
	if addr.Is4() {
		b := addr.As4()
		return Client(maphash.Bytes(seed, b[:]) &^ subjectBit)
	}
	b := addr.As16()
	return Client(maphash.Bytes(seed, b[:8]) &^ subjectBit)
}
