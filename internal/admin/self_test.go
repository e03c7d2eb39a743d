package admin

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/top"
)

func TestSelfMetricsAreDifferences(t *testing.T) {
	f := newFixture()
	f.server.Name = "127.0.0.1:8125"
	var mu sync.Mutex
	var sent []string
	var fail error
	m := StartSelfMetrics("self.", f.sources(), func(lines []byte, ends []int) error {
		mu.Lock()
		defer mu.Unlock()
		if fail != nil {
			return fail
		}
		sent = nil
		start := 0
		for _, end := range ends {
			sent = append(sent, string(lines[start:end]))
			start = end + 1
		}
		return nil
	}, slog.New(slog.DiscardHandler))
	defer m.Close()
	counters := func() []string {
		m.sendAll()
		return slices.DeleteFunc(slices.Clone(sent), func(line string) bool { return !strings.HasSuffix(line, "|c") })
	}
	f.accepted.Store(5)
	f.requests.Shard().CountRequest(exchange.RouteCount, 200, 0)
	f.reloads.Count(FileTLS, errors.New("x"))
	want := []string{"self.http_requests_total.count.200:1|c", "self.metrics_accepted_total.count:5|c", "self.reloads_total.tls.error:1|c"}
	if diff := cmp.Diff(want, counters()); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	for _, gauge := range []string{"self.build_info.1.2.3.abc_def.go1:1|g", "self.statsd_up.127.0.0.1_8125:1|g"} {
		if !slices.Contains(sent, gauge) {
			t.Errorf("%s is missing in %q", gauge, sent)
		}
	}
	f.accepted.Store(7)
	fail = errors.New("full")
	sent = nil
	if got := counters(); len(got) > 0 {
		t.Errorf("with a full queue: sent %q", got)
	}
	fail = nil
	f.accepted.Store(9)
	if diff := cmp.Diff([]string{"self.metrics_accepted_total.count:4|c"}, counters()); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	if got := counters(); len(got) > 0 {
		t.Errorf("without a change: sent %q", got)
	}
}

func TestTopIsTextOrJSON(t *testing.T) {
	busiest := top.New()
	busiest.Record(time.Now(), 3, top.Event{Series: []byte("a\n\x1b[31m"), Name: []byte("a"), Client: []byte("192.0.2.1")})
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Start(listener, Options{Sources: newFixture().sources(), Ready: new(Readiness), Top: busiest})
	defer s.Close()
	client := &http.Client{Timeout: timeout}
	defer client.CloseIdleConnections()
	url := "http://" + listener.Addr().String() + "/debug/top"
	want := "series\n         3  a\\n\\x1b[31m\nnames\n         3  a\nclients\n         3  192.0.2.1\norigins\nreasons\n"
	if _, body := get(t, client, url); body != want {
		t.Errorf("got %q, want %q", body, want)
	}
	want = `{"clients":[{"key":"192.0.2.1","count":3,"fault":0}],"names":[{"key":"a","count":3,"fault":0}],"origins":[],"reasons":[],` +
		`"series":[{"key":"a\n\u001b[31m","count":3,"fault":0}]}` + "\n"
	if _, body := get(t, client, url, "Accept", "application/json"); body != want {
		t.Errorf("got %s, want %s", body, want)
	}
}
