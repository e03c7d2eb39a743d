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

// page is the other end of a stream.
type page struct {
	*httptest.ResponseRecorder
	mu    sync.Mutex
	reads chan struct{} // holds a value while something is written
	done  chan struct{}
}

func (p *page) Write(b []byte) (int, error) {
	p.reads <- struct{}{}
	defer func() { <-p.reads }()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ResponseRecorder.Write(b)
}

// watch opens a stream in the bubble of a test.
func watch(ctx context.Context, h *hub) *page {
	p := &page{ResponseRecorder: httptest.NewRecorder(), reads: make(chan struct{}, 1), done: make(chan struct{})}
	r := httptest.NewRequestWithContext(ctx, "GET", "/demo/events", nil)
	go func() {
		defer close(p.done)
		h.serveEvents(p, r)
	}()
	synctest.Wait()
	return p
}

// read returns what came after the last call.
func (p *page) read() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.Body.Reset()
	return p.Body.String()
}

// hasEnded tells whether the stream has.
func (p *page) hasEnded() bool {
	synctest.Wait()
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// event is what the page makes of an event's data.
type event struct {
	Lines   []string
	Skipped int
}

// parseEvents takes a stream apart as a browser does.
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

func TestStreamTellsLinesInBatches(t *testing.T) {
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

func TestSilentStreamIsKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		p := watch(t.Context(), &h)
		p.read()
		time.Sleep(aliveInterval - time.Millisecond)
		if got := p.read(); got != "" {
			t.Errorf("before its time a silent stream says %q", got)
		}
		for range 3 {
			time.Sleep(aliveInterval)
			if got, want := p.read(), ": nothing new\n\n"; got != want {
				t.Errorf("a silent stream says %q, want %q", got, want)
			}
		}
		h.close()
		<-p.done
	})
}

func TestStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		ctx, leave := context.WithCancel(t.Context())
		gone, stays := watch(ctx, &h), watch(t.Context(), &h)
		if gone.hasEnded() || stays.hasEnded() {
			t.Error("streams end at once")
		}
		leave()
		if !gone.hasEnded() || stays.hasEnded() {
			t.Errorf("a page is gone: ended are its stream (%v) and the other (%v)", gone.hasEnded(), stays.hasEnded())
		}
		h.close()
		if !stays.hasEnded() {
			t.Error("the server is closed and a stream goes on")
		}
		if late := watch(t.Context(), &h); !late.hasEnded() {
			t.Error("the server is closed and a stream begins")
		}
		if len(h.streams) != 0 {
			t.Errorf("%d streams are left", len(h.streams))
		}
	})
}

func TestTooManyStreamsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		first, leave := context.WithCancel(t.Context())
		watch(first, &h)
		for range maxStreams - 1 {
			watch(t.Context(), &h)
		}
		refused := watch(t.Context(), &h)
		if got, want := refused.read(), `{"error":"too many pages are watching"}`; refused.Code != http.StatusServiceUnavailable || got != want || refused.Header().Get("Retry-After") == "" {
			t.Errorf("one stream too many: got %d %q, want 503 %q with Retry-After", refused.Code, got, want)
		}
		leave()
		synctest.Wait()
		if p := watch(t.Context(), &h); p.Code != http.StatusOK || p.hasEnded() {
			t.Errorf("after one has left: got %d, want a stream", p.Code)
		}
		h.close()
	})
}

func TestSlowStreamSkipsLinesAndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		slow, fast := watch(t.Context(), &h), watch(t.Context(), &h)
		slow.reads <- struct{}{} // nothing can be written
		const datagrams, each = 2000, 50
		datagram := []byte(strings.Repeat("some.key:1|c\n", each-1) + "some.key:1|c")
		told := 0
		for i := range datagrams {
			h.publish(datagram)
			if i%100 == 0 {
				time.Sleep(eventInterval)
				for _, e := range parseEvents(t, fast.read()) {
					told += len(e.Lines)
				}
			}
		}
		for s := range h.streams {
			s.mu.Lock()
			if len(s.waiting) > streamBytes || cap(s.waiting) > 2*streamBytes {
				t.Errorf("%d bytes of %d wait in a stream, want %d at most", len(s.waiting), cap(s.waiting), streamBytes)
			}
			s.mu.Unlock()
		}
		<-slow.reads
		time.Sleep(2 * eventInterval)
		events := parseEvents(t, slow.read())
		lines, skipped := 0, 0
		for _, e := range events {
			lines += len(e.Lines)
			skipped += e.Skipped
		}
		if lines+skipped != datagrams*each || skipped == 0 || lines < streamBytes/len(`"some.key:1|c",`)-each {
			t.Errorf("the slow stream tells of %d lines and %d skipped, want %d together and as many as fit", lines, skipped, datagrams*each)
		}
		for _, e := range parseEvents(t, fast.read()) {
			told += len(e.Lines)
		}
		if told != datagrams*each {
			t.Errorf("the other stream tells of %d lines, want all %d", told, datagrams*each)
		}
		h.close()
	})
}

func TestLinesStayWhatTheyAre(t *testing.T) {
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
	f(strings.Repeat("x", lineBytes+1), strings.Repeat("x", lineBytes))
	f(strings.Repeat("x", lineBytes-1)+"é", strings.Repeat("x", lineBytes-1))
	f(strings.Repeat("\x80", 2*lineBytes), strings.Repeat("\ufffd", lineBytes-utf8.UTFMax))
}

// FuzzAppendLines sees that nothing that arrives breaks an event.
func FuzzAppendLines(f *testing.F) {
	f.Add([]byte("a:1|c\nb:2|g"))
	f.Add([]byte("\r\n\xff\x00\"\\"))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		s := new(stream)
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
	answer, err := server.Client().Get(server.URL + "/demo/events")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
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
	timer := time.AfterFunc(10*time.Second, func() { answer.Body.Close() })
	defer timer.Stop()
	var got []string
	for in := bufio.NewScanner(answer.Body); len(got) < len(want) && in.Scan(); {
		for _, e := range parseEvents(t, in.Text()) {
			got = append(got, e.Lines...)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("lines of the stream: got %d %q, want %d", len(got), got, len(want))
	}
	s.Close()
	if _, err := answer.Body.Read(make([]byte, 1)); err == nil {
		t.Error("the server is closed and the stream goes on")
	}
}
