package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// page records the events that a page receives.
type page struct {
	*httptest.ResponseRecorder
	mu      sync.Mutex
	writing chan struct{} // buffered: holds a value while Write runs
	done    chan struct{} // closed when serveEvents returns
}

func (p *page) Write(b []byte) (int, error) {
	p.writing <- struct{}{}
	defer func() { <-p.writing }()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ResponseRecorder.Write(b)
}

// watch opens an event stream in virtual time.
func watch(ctx context.Context, h *hub) *page {
	return watchFrom(ctx, h, "192.0.2.1:1234", func() error { return nil })
}

// watchFrom opens an event stream of a client in virtual time.
func watchFrom(ctx context.Context, h *hub, addr string, verify func() error) *page {
	p := &page{ResponseRecorder: httptest.NewRecorder(), writing: make(chan struct{}, 1), done: make(chan struct{})}
	r := httptest.NewRequestWithContext(ctx, "GET", "/demo/events", nil)
	r.RemoteAddr = addr
	go func() {
		defer close(p.done)
		h.serveEvents(p, r, verify)
	}()
	synctest.Wait()
	return p
}

// read returns what the page received since the last call.
func (p *page) read() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.Body.Reset()
	return p.Body.String()
}

// hasEnded reports whether serveEvents has returned.
func (p *page) hasEnded() bool {
	synctest.Wait()
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// event is the parsed data of an event.
type event struct {
	Lines   []string
	Skipped int
}

// parseEvents parses a stream as a browser does.
func parseEvents(t testing.TB, text string) (events []event) {
	t.Helper()
	for block := range strings.SplitSeq(text, "\n\n") {
		data, ok := strings.CutPrefix(block, "data: ")
		if !ok {
			continue
		}
		var e event
		if err := json.Unmarshal([]byte(data), &e); err != nil || strings.ContainsAny(data, "\r\n") {
			t.Fatalf("data of an event: %q: %v", data, err)
		}
		events = append(events, e)
	}
	return events
}

func TestEventsCarryManyLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		p := watch(t.Context(), &h)
		if got, want := p.read(), "retry: 1000\n\n"; got != want {
			t.Errorf("a stream begins with %q, want %q", got, want)
		}
		h.publish([]byte("a:1|c\nb:2|g"))
		h.publish([]byte("c:3|ms"))
		time.Sleep(eventInterval)
		if got, want := p.read(), `data: {"lines":["a:1|c","b:2|g","c:3|ms"],"skipped":0}`+"\n\n"; got != want {
			t.Errorf("the first event: got %q, want %q", got, want)
		}
		h.publish([]byte("d:4|s"))
		time.Sleep(eventInterval)
		if got, want := p.read(), `data: {"lines":["d:4|s"],"skipped":0}`+"\n\n"; got != want {
			t.Errorf("the second event: got %q, want %q", got, want)
		}
		h.close()
		<-p.done
	})
}

func TestIdleStreamIsKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		p := watch(t.Context(), &h)
		p.read()
		time.Sleep(keepAliveInterval - time.Millisecond)
		if got := p.read(); got != "" {
			t.Errorf("an idle stream sends %q too early", got)
		}
		for range 3 {
			time.Sleep(keepAliveInterval)
			if got, want := p.read(), ": nothing new\n\n"; got != want {
				t.Errorf("an idle stream sends %q, want %q", got, want)
			}
		}
		h.close()
		<-p.done
	})
}

func TestStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		ctx, cancel := context.WithCancel(t.Context())
		gone, stays := watch(ctx, &h), watch(t.Context(), &h)
		if gone.hasEnded() || stays.hasEnded() {
			t.Error("a stream ends at once")
		}
		cancel()
		if !gone.hasEnded() || stays.hasEnded() {
			t.Errorf("after one page is gone, its stream has ended: %v, and the other: %v, want true and false", gone.hasEnded(), stays.hasEnded())
		}
		h.close()
		if !stays.hasEnded() {
			t.Error("a stream is open after close")
		}
		if p := watch(t.Context(), &h); !p.hasEnded() {
			t.Error("a stream begins after close")
		}
		if len(h.subscribers) != 0 {
			t.Errorf("%d subscribers are left", len(h.subscribers))
		}
	})
}

func TestTooManyStreamsAreRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		f := func(what string, p *page, isOpen bool) {
			t.Helper()
			if isOpen && (p.Code != http.StatusOK || p.hasEnded()) {
				t.Errorf("%s: got %d, want a stream", what, p.Code)
			}
			const want = `{"error":"too many pages are watching"}`
			if !isOpen && (p.Code != http.StatusServiceUnavailable || p.read() != want || p.Header().Get("Retry-After") == "") {
				t.Errorf("%s: got %d %q, want 503 %q with Retry-After", what, p.Code, p.read(), want)
			}
		}
		verify := func() error { return nil }
		first, cancel := context.WithCancel(t.Context())
		f("the first stream", watchFrom(first, &h, "198.51.100.1:1", verify), true)
		for port := 2; port <= maxSubscribersPerAddress; port++ {
			f("a stream", watchFrom(t.Context(), &h, fmt.Sprintf("198.51.100.1:%d", port), verify), true)
		}
		f("a stream too many for an address", watchFrom(t.Context(), &h, "198.51.100.1:5", verify), false)
		f("a stream too many for an address", watchFrom(t.Context(), &h, "[::ffff:198.51.100.1]:6", verify), false)
		for n := maxSubscribersPerAddress; n < maxSubscribers; n++ {
			f("a stream", watchFrom(t.Context(), &h, fmt.Sprintf("203.0.113.%d:1", n), verify), true)
		}
		f("a stream too many", watchFrom(t.Context(), &h, "203.0.113.250:1", verify), false)
		cancel()
		synctest.Wait()
		f("a stream after one has ended", watchFrom(t.Context(), &h, "198.51.100.1:7", verify), true)
		f("a stream too many", watchFrom(t.Context(), &h, "203.0.113.250:1", verify), false)
		h.close()
		synctest.Wait()
		if len(h.subscribers) != 0 || !h.streams.Open(netip.Addr{}) {
			t.Errorf("%d subscribers are left after close", len(h.subscribers))
		}
	})
}

// TestStreamEndsWithItsToken has the token of a stream expire.
func TestStreamEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		expires := time.Now().Add(time.Minute)
		p := watchFrom(t.Context(), &h, "192.0.2.1:1", func() error {
			if time.Now().Before(expires) {
				return nil
			}
			return errors.New("the token is expired")
		})
		time.Sleep(time.Minute - time.Millisecond)
		if p.hasEnded() {
			t.Error("the stream ends before its token")
		}
		time.Sleep(verifyInterval + eventInterval)
		if !p.hasEnded() {
			t.Error("the stream is open after its token has expired")
		}
	})
}

func TestSlowStreamSkipsLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		slow, fast := watch(t.Context(), &h), watch(t.Context(), &h)
		slow.writing <- struct{}{} // Write blocks
		const datagrams, linesEach = 2000, 50
		datagram := []byte(strings.Repeat("some.key:1|c\n", linesEach-1) + "some.key:1|c")
		received := 0
		for i := range datagrams {
			h.publish(datagram)
			if i%100 == 0 {
				time.Sleep(eventInterval)
				for _, e := range parseEvents(t, fast.read()) {
					received += len(e.Lines)
				}
			}
		}
		for s := range h.subscribers {
			s.mu.Lock()
			if len(s.pending) > maxPendingBytes || cap(s.pending) > 2*maxPendingBytes {
				t.Errorf("a subscriber has %d pending bytes and a capacity of %d, want at most %d", len(s.pending), cap(s.pending), maxPendingBytes)
			}
			s.mu.Unlock()
		}
		<-slow.writing
		time.Sleep(2 * eventInterval)
		events := parseEvents(t, slow.read())
		lines, skipped := 0, 0
		for _, e := range events {
			lines += len(e.Lines)
			skipped += e.Skipped
		}
		if lines+skipped != datagrams*linesEach || skipped == 0 || lines < maxPendingBytes/len(`"some.key:1|c",`)-linesEach {
			t.Errorf("the slow stream has %d lines and %d skipped ones, want %d together and as many lines as fit", lines, skipped, datagrams*linesEach)
		}
		for _, e := range parseEvents(t, fast.read()) {
			received += len(e.Lines)
		}
		if received != datagrams*linesEach {
			t.Errorf("the other stream has %d lines, want all %d", received, datagrams*linesEach)
		}
		h.close()
	})
}

func TestLinesAreEncoded(t *testing.T) {
	f := func(datagram string, want ...string) {
		t.Helper()
		encoded, lines := appendLines(nil, []byte(datagram))
		var got []string
		if err := json.Unmarshal([]byte("["+strings.TrimSuffix(string(encoded), ",")+"]"), &got); err != nil {
			t.Fatalf("%q: %v", encoded, err)
		}
		if !reflect.DeepEqual(got, want) || lines != len(want) {
			t.Errorf("%.60q: got %d lines %.200q, want %.200q", datagram, lines, got, want)
		}
	}
	f("a:1|c", "a:1|c")
	f("a:1|c\nb:2|c\n", "a:1|c", "b:2|c", "")
	f("", "")
	f("a\r\n\r\ndata: x\rid: 1", "a\r", "\r", "data: x\rid: 1")
	f("<script>\"\\\x00\u2028é", "<script>\"\\\x00\u2028é")
	f("\xff\xfea", "\ufffd\ufffda")
	f(strings.Repeat("x", maxShownLine+1), strings.Repeat("x", maxShownLine))
	f(strings.Repeat("x", maxShownLine-1)+"é", strings.Repeat("x", maxShownLine-1))
	f(strings.Repeat("\x80", 2*maxShownLine), strings.Repeat("\ufffd", maxShownLine-utf8.UTFMax))
}

// FuzzAppendLines checks that no datagram breaks an event.
func FuzzAppendLines(f *testing.F) {
	f.Add([]byte("a:1|c\nb:2|g"))
	f.Add([]byte("\r\n\xff\x00\"\\"))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		s := new(subscriber)
		s.add(appendLines(nil, datagram))
		text := s.appendEvent(nil)
		events := parseEvents(t, string(text))
		if len(events) != 1 || len(events[0].Lines) != 1+bytes.Count(datagram, []byte{'\n'}) {
			t.Errorf("%q: got %d events: %q", datagram, len(events), text)
		}
	})
}

func TestLinesReachAPage(t *testing.T) {
	s, err := Start(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler(nil))
	defer server.Close()
	response, err := server.Client().Get(server.URL + "/demo/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	conn, err := net.Dial("udp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var want []string
	for i := range 100 {
		line := fmt.Sprintf("some.key:%d|c", i)
		want = append(want, line)
		if _, err := conn.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	timer := time.AfterFunc(10*time.Second, func() { response.Body.Close() })
	defer timer.Stop()
	var got []string
	for in := bufio.NewScanner(response.Body); len(got) < len(want) && in.Scan(); {
		for _, e := range parseEvents(t, in.Text()) {
			got = append(got, e.Lines...)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("lines of the stream: got %d %q, want %d", len(got), got, len(want))
	}
	s.Close()
	if _, err := response.Body.Read(make([]byte, 1)); err == nil {
		t.Error("the stream is open after Close")
	}
}
