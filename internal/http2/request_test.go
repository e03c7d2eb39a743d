package http2

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/exchange"
)

// faultyHandler panics in Begin or Serve, as the path says.
type faultyHandler struct{}

func (faultyHandler) Begin(x *exchange.Exchange) bool {
	x.MaxBody = testMaxBody
	if string(x.Request.Path()) == "/begin" {
		panic("begin")
	}
	return true
}

func (faultyHandler) Serve(x *exchange.Exchange) {
	if string(x.Request.Path()) == "/serve" {
		panic("serve")
	}
}

func TestPanicsOfTheHandlerAreAnswered(t *testing.T) {
	f := func(path, want string, wantFaults ...any) {
		t.Helper()
		s := newTestServer(t, new(discardSink))
		s.options.Handler = faultyHandler{}
		var faults []any
		s.options.LogPanic = func(fault any) { faults = append(faults, fault) }
		r := newRequestFrames()
		r.preface()
		id := r.post(path, "x")
		c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
		c.serve()
		got := readReplies(t, out.written.Bytes())
		if got.status[id] != want || !got.ended[id] || got.errors() != "" {
			t.Errorf("%s: got %q, ended %t, errors %q", path, got.status[id], got.ended[id], got.errors())
		}
		if len(faults) != len(wantFaults) || len(faults) > 0 && faults[0] != wantFaults[0] {
			t.Errorf("%s: the panics %v are logged, want %v", path, faults, wantFaults)
		}
		checkStats(t, out.stats)
	}
	f("/", "200")
	f("/begin", "500", "begin")
	f("/serve", "500", "serve")
}

// TestContinueIsSentBeforeTheBody sends requests that expect it.
func TestContinueIsSentBeforeTheBody(t *testing.T) {
	f := func(path string, endsWithHead bool, want, wantAfterBody string) {
		t.Helper()
		s := newTestServer(t, new(discardSink))
		r := newRequestFrames()
		r.preface()
		id := r.headers(endsWithHead, ":method", "POST", ":scheme", "https", ":path", path, "expect", "100-continue")
		first := r.take()
		_ = r.framer.WriteData(id, true, []byte("value=1"))
		serve := func(parts ...[]byte) (statuses string, ended bool) {
			c, out := newTestConn(s, &testInput{parts: parts})
			c.serve()
			got := readReplies(t, out.written.Bytes())
			for _, field := range got.heads[id] {
				if status, ok := strings.CutPrefix(field, ":status: "); ok {
					statuses += status + " "
				}
			}
			return statuses, got.ended[id]
		}
		if statuses, ended := serve(first); statuses != want || ended != (want != "100 ") {
			t.Errorf("%s, its end %t: got %q, ended %t, want %q", path, endsWithHead, statuses, ended, want)
		}
		if statuses, ended := serve(first, r.take()); !endsWithHead && (statuses != wantAfterBody || !ended) {
			t.Errorf("%s, after its body: got %q, ended %t, want %q", path, statuses, ended, wantAfterBody)
		}
	}
	f("/count/k", false, "100 ", "100 200 ")
	f("/count/k", true, "200 ", "")
	f("/nonsense", false, "404 ", "404 ") // its end does not wait for the body
}

// rejectLog is a handler that keeps what it learns of requests whose heads are rejected.
type rejectLog struct{ log []string }

func (l *rejectLog) Begin(x *exchange.Exchange) bool {
	q := &x.Request
	l.log = append(l.log, fmt.Sprintf("%s %q %q", q.Bytes(q.Method), q.Bytes(q.Target), q.Bytes(q.Origin)))
	x.Response.SetError(x.HeadErr)
	return false
}

func (*rejectLog) Serve(*exchange.Exchange) {}

// TestRejectedHeadsAreHidden sends bad heads, of which the handler gets the method HEAD only.
func TestRejectedHeadsAreHidden(t *testing.T) {
	s, log := newTestServer(t, new(discardSink)), new(rejectLog)
	s.options.Handler = log
	r := newRequestFrames()
	r.preface()
	for _, method := range []string{"GET", "HEAD"} {
		r.headers(true, ":method", method, ":scheme", "https", ":path", "/x", "origin", "https://shop.example", "host", "a b")
	}
	c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
	c.serve()
	if diff := cmp.Diff([]string{` "" ""`, `HEAD "" ""`}, log.log); diff != "" {
		t.Errorf("the handler (-want +got):\n%s", diff)
	}
	got := readReplies(t, out.written.Bytes())
	if got.status[1] != "400" || got.status[3] != "400" || got.body[1] == "" || got.body[3] != "" {
		t.Errorf("got %v, %v", got.status, got.body)
	}
}
