package limit

import (
	"net/netip"
	"testing"
	"time"
)

func TestConnsCountsRejections(t *testing.T) {
	c := NewConns(2, 1, nil)
	first, second, third := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	for i, want := range []bool{true, false, true, false, false} {
		addr := []netip.Addr{first, first, second, third, first}[i]
		if got := c.Open(addr); got != want {
			t.Fatalf("connection %d: got %t, want %t", i, got, want)
		}
	}
	if got, want := c.Rejected(), (ConnsRejected{Max: 2, PerAddress: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSizesOfTables(t *testing.T) {
	s := NewSeries(3)
	for i := range 5 {
		s.Admit(uint64(i+1)<<32, time.Now())
	}
	if s.Known() != 3 || s.Max() != 3 {
		t.Errorf("got %d of %d series, want 3 of 3", s.Known(), s.Max())
	}
	r := NewRates(100_000)
	for _, subject := range []string{"a", "b", "a"} {
		r.Charge(SubjectClient(subject), NewRate(1, 1), 1, time.Now())
	}
	if r.Len() != 2 {
		t.Errorf("got %d clients, want 2", r.Len())
	}
}
