package logsum

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"statsd-http-proxy/internal/logtest"
)

// newSummary returns a Summary and a function that returns the lines that it has logged
// since the last call, without their time.
func newSummary() (*Summary, func() string) {
	log := new(logtest.Buffer)
	seen := 0
	handler := slog.NewTextHandler(log, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return New(slog.New(handler)), func() string {
		all := log.String()
		defer func() { seen = len(all) }()
		return all[seen:]
	}
}

// from describes an event of a client.
func from(client string) func() []slog.Attr {
	return func() []slog.Attr {
		return []slog.Attr{slog.String("client", client), slog.String("route", "POST /"+client)}
	}
}

var (
	limited = Kind{Level: slog.LevelWarn, Message: "requests rejected", Reason: "rate limit", Option: "--rate-limit"}
	foreign = Kind{Message: "requests rejected", Reason: "origin"}
)

func TestFirstEventIsLoggedAtOnceAndOthersEachMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, logged := newSummary()
		f := func(after time.Duration, want string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := logged(); got != want {
				t.Errorf("got the log\n%swant\n%s", got, want)
			}
		}
		s.Add(limited, 1, 1, from("a"))
		f(0, `level=WARN msg="requests rejected" reason="rate limit" option=--rate-limit count=1 client=a example.route="POST /a"`+"\n")
		for range 1000 {
			s.Add(limited, 2, 2, from("b"))
		}
		s.Add(foreign, 1, 3, from("c"))
		f(0, `level=INFO msg="requests rejected" reason=origin count=1 client=c example.route="POST /c"`+"\n")
		f(Interval-1, "")
		f(1, `level=WARN msg="requests rejected" reason="rate limit" option=--rate-limit count=2000 client=b example.route="POST /b"`+"\n")
		s.Add(limited, 1, 1, from("a"))
		s.Add(limited, 1, 2, from("b"))
		f(Interval, `level=WARN msg="requests rejected" reason="rate limit" option=--rate-limit count=2 clients=several example.client=a example.route="POST /a"`+"\n")
		// After a quiet minute, the next event is the first one again.
		f(2*Interval, "")
		s.Add(limited, 1, 1, from("a"))
		f(0, `level=WARN msg="requests rejected" reason="rate limit" option=--rate-limit count=1 client=a example.route="POST /a"`+"\n")
		s.Add(limited, 5, 1, from("a"))
		s.Add(foreign, 1, 1, from("a"))
		s.Add(foreign, 7, 1, from("a"))
		logged()
		s.Flush()
		f(0, `level=INFO msg="requests rejected" reason=origin count=7 client=a example.route="POST /a"`+"\n"+
			`level=WARN msg="requests rejected" reason="rate limit" option=--rate-limit count=5 client=a example.route="POST /a"`+"\n")
		s.Flush()
		f(10*Interval, "")
	})
}

func TestMemoryOfASummaryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, logged := newSummary()
		kind := foreign
		for i := range 10 * maxKinds {
			kind.Detail = fmt.Sprint(i)
			s.Add(kind, 1, 1, from("a"))
		}
		s.mu.Lock()
		kinds := len(s.sums)
		s.mu.Unlock()
		if n := strings.Count(logged(), "\n"); n != maxKinds+1 || kinds != maxKinds+1 {
			t.Errorf("got %d lines and %d kinds, want %d", n, kinds, maxKinds+1)
		}
		time.Sleep(Interval)
		synctest.Wait()
		if got, want := logged(), fmt.Sprintf("count=%d", 9*maxKinds-1); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
			t.Errorf("got %q, want one line with %s", got, want)
		}
		s.Flush()
	})
}

func TestSummaryIsSafeForConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, logged := newSummary()
		const goroutines, events = 8, 1000
		for g := range goroutines {
			go func() {
				for range events {
					s.Add(limited, 1, uint64(g), from("a"))
					time.Sleep(Interval / 300)
				}
			}()
		}
		time.Sleep(events*Interval/300 + 1)
		synctest.Wait()
		s.Flush()
		total := 0
		for line := range strings.Lines(logged()) {
			_, text, _ := strings.Cut(line, "count=")
			n := 0
			if _, err := fmt.Sscan(text, &n); err != nil {
				t.Fatal(err)
			}
			total += n
		}
		if total != goroutines*events {
			t.Errorf("the lines have the sum %d, want %d", total, goroutines*events)
		}
	})
}
