package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
	p := &page{ResponseRecorder: httptest.NewRecorder(), writing: make(chan struct{}, 1), done: make(chan struct{})}
	r := httptest.NewRequestWithContext(ctx, "GET", "/demo/events", nil)
	go func() {
		defer close(p.done)
		h.serveEvents(p, r)
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
		first, cancel := context.WithCancel(t.Context())
		watch(first, &h)
		for range maxSubscribers - 1 {
			watch(t.Context(), &h)
		}
		rejected := watch(t.Context(), &h)
		if got, want := rejected.read(), `{"error":"too many pages are watching"}`; rejected.Code != http.StatusServiceUnavailable || got != want || rejected.Header().Get("Retry-After") == "" {
			t.Errorf("with one stream too many: got %d %q, want 503 %q with Retry-After", rejected.Code, got, want)
		}
		cancel()
		synctest.Wait()
		if p := watch(t.Context(), &h); p.Code != http.StatusOK || p.hasEnded() {
			t.Errorf("after one stream has ended: got %d, want a new stream", p.Code)
		}
		h.close()
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
	server := httptest.NewServer(s.Handler())
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
