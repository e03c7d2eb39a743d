//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"statsd-http-proxy/internal/testutil"
)

// load sends counts to a proxy at a steady rate and remembers which of them were
// acknowledged. Each count has a number, and a name made from it.
type load struct {
	metrics int // how many there are
	rate    int // of them a second
	batch   int // of them in a request; 1 sends each to a path of its own
	size    int // of a line in bytes, at least
	clients int // connections, which take turns

	// refusable allows 503 and closed connections. A client stops when its
	// connection is closed.
	refusable bool

	// dial connects to the proxy; nil if net.Dial does.
	dial func() (net.Conn, error)

	acknowledged []bool       // by number
	count        atomic.Int64 // of acknowledged
	refused      atomic.Int64 // requests that were answered 503
	clientsDone  chan struct{}
}

// prefix begins the name of each metric.
const prefix = "faults."

// name returns the name of metric i.
func (l *load) name(i int) []byte {
	name := fmt.Appendf(nil, prefix+"%07d", i)
	if missing := l.size - len(name) - len(":1|c"); missing > 0 {
		name = append(name, '.')
		name = append(name, bytes.Repeat([]byte("x"), missing-1)...)
	}
	return name
}

// client returns which client sends metric i.
func (l *load) client(i int) int { return i / l.batch % l.clients }

// start begins to send.
func (l *load) start(t testing.TB, proxy *testutil.Proxy) {
	t.Helper()
	l.acknowledged = make([]bool, l.metrics)
	l.clientsDone = make(chan struct{})
	host := &fasthttp.HostClient{
		Addr:                      proxy.Address,
		MaxConns:                  l.clients,
		MaxIdleConnDuration:       time.Hour,
		ReadTimeout:               testutil.Patience,
		WriteTimeout:              testutil.Patience,
		MaxIdemponentCallAttempts: 1,
	}
	if l.dial != nil {
		host.Dial = func(string) (net.Conn, error) { return l.dial() }
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	begin := time.Now()
	for client := range l.clients {
		running.Go(func() { l.run(t, host, client, begin, stop) })
	}
	go func() {
		running.Wait()
		close(l.clientsDone)
	}()
	t.Cleanup(func() {
		close(stop)
		<-l.clientsDone
		host.CloseIdleConnections()
	})
}

// run is one client. The time of each request is fixed from the start: a slow
// request does not delay those after it.
func (l *load) run(t testing.TB, host *fasthttp.HostClient, client int, begin time.Time, stop <-chan struct{}) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.Header.SetContentType("text/plain")
	due := time.NewTimer(0)
	defer due.Stop()
	for first := client * l.batch; first < l.metrics; first += l.clients * l.batch {
		due.Reset(time.Until(begin.Add(time.Duration(first) * time.Second / time.Duration(l.rate))))
		select {
		case <-due.C:
		case <-stop:
			return
		}
		last := min(first+l.batch, l.metrics)
		l.fill(request, first, last)
		err := host.Do(request, response)
		status := response.StatusCode()
		switch {
		case err == nil && status == fasthttp.StatusOK:
			if want := fmt.Sprintf(`{"accepted":%d,"rejected":[]}`, last-first); l.batch > 1 && string(response.Body()) != want {
				t.Errorf("the answer to a batch: got %.200s, want %s", response.Body(), want)
				return
			}
			for i := first; i < last; i++ {
				l.acknowledged[i] = true
			}
			l.count.Add(int64(last - first))
		case err == nil && status == fasthttp.StatusServiceUnavailable && l.refusable:
			if len(response.Header.Peek("Retry-After")) == 0 {
				t.Errorf("503 has no Retry-After: %s", response)
				return
			}
			l.refused.Add(1)
		case err != nil && l.refusable:
			return
		default:
			t.Errorf("metrics %d to %d: got %d %.200s %v, want 200", first, last-1, status, response.Body(), err)
			return
		}
	}
}

// fill puts the metrics from first up to last, exclusive, into request.
func (l *load) fill(request *fasthttp.Request, first, last int) {
	if l.batch == 1 {
		request.SetRequestURI("http://proxy/count/" + string(l.name(first)))
		request.SetBodyString(`{"value": 1}`)
		return
	}
	request.SetRequestURI("http://proxy/batch")
	request.ResetBody()
	for i := first; i < last; i++ {
		request.AppendBody(l.name(i))
		request.AppendBodyString(":1|c\n")
	}
}

// reach waits until this many metrics are acknowledged.
func (l *load) reach(t testing.TB, metrics int) {
	t.Helper()
	testutil.Eventually(t, fmt.Sprintf("%d acknowledged metrics", metrics), func() bool {
		count := l.count.Load()
		select {
		case <-l.clientsDone:
			if count = l.count.Load(); count < int64(metrics) {
				t.Fatalf("the load has ended with %d acknowledged metrics, want %d", count, metrics)
			}
		default:
		}
		return count >= int64(metrics)
	})
}

// wait waits until all requests are done.
func (l *load) wait(t testing.TB) {
	t.Helper()
	limit := time.Duration(l.metrics)*time.Second/time.Duration(l.rate) + testutil.Patience
	select {
	case <-l.clientsDone:
	case <-time.After(limit):
		t.Fatalf("the load has not ended within %s: %d of %d metrics are acknowledged", limit, l.count.Load(), l.metrics)
	}
}

// number returns which metric a line carries.
func (l *load) number(line string) (int, error) {
	var i int
	digits, ok := strings.CutPrefix(line, prefix)
	if !ok || len(digits) < 7 {
		return 0, fmt.Errorf("%.300q is no line of the load", line)
	}
	for _, digit := range []byte(digits[:7]) {
		i = 10*i + int(digit-'0')
	}
	if i < 0 || i >= l.metrics || line != string(l.name(i))+":1|c" {
		return 0, fmt.Errorf("%.300q is no line of the load", line)
	}
	return i, nil
}
