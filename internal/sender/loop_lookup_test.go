package sender

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"statsd-http-proxy/internal/logtest"
)

// TestLookupIsRepeated has a name be looked up every 30 seconds, and a second
// after another lookup if it is asked for.
func TestLookupIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := newNames("192.0.2.1")
		n := &fakeNet{log: new(logtest.Buffer)}
		options := Options{Network: UDP, Address: "statsd.example:8125", Logger: slog.New(slog.NewTextHandler(n.log, nil))}
		s, err := newSender(options, newPolicy(UDP), names.lookup, n.dial)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context())
		f := func(passed time.Duration, want int64) {
			t.Helper()
			pass(passed)
			if got := names.asked.Load(); got != want {
				t.Fatalf("%d lookups, want %d", got, want)
			}
		}
		f(0, 1)
		f(29*time.Second, 1)
		f(time.Second, 2)
		s.lookup.request()
		f(999*time.Millisecond, 2)
		f(time.Millisecond, 3)
		f(29*time.Second, 3)
		s.lookup.request()
		f(0, 4)
		names.set()
		f(30*time.Second, 5)
		// Failed lookups are repeated soon, then after twice as long each time.
		f(99*time.Millisecond, 5)
		f(time.Millisecond, 6)
		f(200*time.Millisecond, 7)
		f(400*time.Millisecond, 8)
		f(800*time.Millisecond, 9)
		f(1600*time.Millisecond, 10)
		f(3200*time.Millisecond, 11)
		f(5*time.Second, 12)
		f(5*time.Second, 13)
	})
}

// TestNameWithoutAddressesIsNotFound has a resolver find nothing without an error, before
// and after it has found an address.
func TestNameWithoutAddressesIsNotFound(t *testing.T) {
	var found []netip.Addr
	l, err := newLookup(&Options{Network: UDP, Address: "statsd.example:8125"}, func(context.Context, string, string) ([]netip.Addr, error) {
		return found, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(wantErr error, want ...string) {
		t.Helper()
		ok := l.resolve()
		if addrs, err := l.result(); ok != (wantErr == nil) || !errors.Is(err, wantErr) || !slices.Equal(addrs, want) {
			t.Errorf("of %v: got %v, %v, %v; want %v, %v", found, ok, addrs, err, want, wantErr)
		}
	}
	f(errNoAddress)
	found = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	f(nil, "192.0.2.1:8125")
	found = nil
	f(errNoAddress, "192.0.2.1:8125")
}

// TestLogSaysWhereTheServerIs looks a name up that appears, fails and moves.
func TestLogSaysWhereTheServerIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := newNames()
		n := &fakeNet{log: new(logtest.Buffer)}
		options := Options{Network: UDP, Address: "statsd.example:8125", Logger: slog.New(slog.NewTextHandler(n.log, nil)), ResolveInterval: 10 * time.Second}
		s, err := newSender(options, newPolicy(UDP), names.lookup, n.dial)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context())
		seen := 0 // bytes of the log
		f := func(want string) {
			t.Helper()
			if got := n.log.String()[seen:]; got != "" && want == "" || !strings.Contains(got, want) {
				t.Errorf("got the log %s, want %q", got, want)
			}
			seen = len(n.log.String())
		}
		synctest.Wait()
		f(`msg="cannot find statsd, metrics wait" error="look up \"statsd.example\": no such host"`)
		if s.Stats().IsUp {
			t.Error("a server whose name is unknown is up")
		}
		names.set("192.0.2.1")
		pass(10 * time.Second)
		f("")
		if !s.Stats().IsUp || !slices.Equal(n.dialed(), []string{"192.0.2.1:8125"}) {
			t.Errorf("dialed %v", n.dialed())
		}
		names.set()
		pass(10 * time.Second)
		f(`msg="cannot look up statsd, its last address stays in use"`)
		pass(time.Minute)
		f("")
		names.set("2001:db8::1")
		pass(10 * time.Second)
		f(`msg="statsd has moved" from=192.0.2.1:8125`)
		if !slices.Equal(n.dialed()[1:], []string{"[2001:db8::1]:8125"}) {
			t.Errorf("dialed %v", n.dialed())
		}
	})
}
