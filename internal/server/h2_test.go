package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/limit"
)

// withTLS has connections choose between the versions of HTTP.
func withTLS(o *Options) { o.GetCertificate = selfSigned }

// overHTTP2 has start and do speak HTTP/2.
var overHTTP2 bool

// TestHTTP2AnswersAsHTTP1 runs the tests that tell what the interface answers
// over HTTP/2.
func TestHTTP2AnswersAsHTTP1(t *testing.T) {
	overHTTP2 = true
	defer func() { overHTTP2 = false }()
	for _, one := range []struct {
		name string
		test func(*testing.T)
	}{
		{"forwards", TestMetricsAreForwarded},
		{"form data", TestFormDataIsForwarded},
		{"prefix", TestPrefixIsPutBeforeEachName},
		{"batches", TestBatchesAreForwarded},
		{"bad batches", TestBadBatchesSendNothing},
		{"large batch", TestBatchOf10000EntriesKeepsItsOrder},
		{"growing batch", TestBatchThatGrowsIsBounded},
		{"names in bodies", TestNameMayStandInTheBody},
		{"compressed", TestBodiesMayBeCompressed},
		{"verdicts", TestVerdictsFallInOrder},
		{"headers", TestAnswersHaveTheseHeadersAndNoOthers},
		{"no token told", TestLogsAndAnswersHoldNoToken},
		{"bad requests", TestBadRequestsAreRefused},
		{"wrong method", TestWrongMethodIsToldTheRightOnes},
		{"heartbeat", TestHeartbeatNeedsNoToken},
		{"tokens", TestTokenIsFoundInEachPlace},
		{"busy", TestBusyServerAsksToTryAgain},
		{"rate", TestClientIsHeldToItsRate},
		{"rate, batch", TestEachEntryOfABatchCounts},
		{"rate, subject", TestTokensSubjectIsTheClient},
		{"rate, forwarded", TestForwardedForCountsFromTrustedProxiesOnly},
		{"series", TestNewSeriesAreLimited},
		{"scope", TestTokenLimitsWhatIsWritten},
		{"origins", TestForeignOriginsAreRefused},
		{"panic", TestPanicCostsOneRequest},
	} {
		t.Run(one.name, one.test)
	}
}

func TestClientsChooseTheVersionOfHTTP(t *testing.T) {
	p := start(t, withTLS)
	f := func(want string, offered ...string) {
		t.Helper()
		conn := tls.Client(p.dial(), &tls.Config{InsecureSkipVerify: true, NextProtos: offered})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != want {
			t.Errorf("of %q it takes %q, want %q", offered, got, want)
		}
	}
	f("h2", "h2")
	f("h2", "http/1.1", "h2")
	f("http/1.1", "http/1.1")
	f("", []string{}...)
}

func TestStreamsAreServedSideBySide(t *testing.T) {
	p := start(t, withTLS)
	c := p.dialH2()
	if got := c.settings[http2.SettingMaxConcurrentStreams]; got != maxStreams {
		t.Fatalf("the server lets %d streams be open, want %d", got, maxStreams)
	}
	var waiting []uint32
	for range maxStreams {
		waiting = append(waiting, c.open("POST", "/count/k", false))
	}
	if a := c.answer(c.open("POST", "/count/k", true)); a.status != -1 {
		t.Errorf("one stream too many is answered %d %s", a.status, a.body)
	}
	// The last one does not wait for the first one.
	for len(waiting) > 0 {
		last := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		c.send(last, "value=1", true)
		p.forwards("in reverse order", c.answer(last), "k:1|c")
	}
	p.forwards("there is room again", c.answer(c.open("POST", "/count/k", true)), "k:0|c")
}

func TestHeadOverHTTP2MayTake16KiB(t *testing.T) {
	p := start(t, withTLS)
	c := p.dialH2()
	pad := func(n int) string { return strings.Repeat("x", n) }
	room := maxHead - len("POST /count/k?token= HTTP/1.1\r\nHost: proxy\r\nX: \r\n\r\n")
	f := func(token, header string) answer {
		t.Helper()
		return c.answer(c.open("POST", "/count/k?token="+token, true, "x", header))
	}
	p.forwards("long headers", f("", pad(room)), "k:0|c")
	p.forwards("long URL", f(pad(room), ""), "k:0|c")
	p.refuses("headers too long", f("", pad(room+1)), 431, "16 KiB")
	p.refuses("URL too long", f(pad(maxHead), ""), 414, "16 KiB")
	var many []string
	for range 1000 {
		many = append(many, "x", pad(30))
	}
	p.refuses("many headers", c.answer(c.open("POST", "/count/k", true, many[:2*500]...)), 431, "16 KiB")
	if log := p.log.String(); strings.Count(log, "msg=refused") != strings.Count(log, "client=127.0.0.1") {
		t.Errorf("the log does not tell who was refused:\n%s", log)
	}

	// net/http answers these.
	if a := c.answer(c.open("POST", "/count/k", true, many...)); a.status != 431 {
		t.Errorf("headers of 60 KiB: %d %s", a.status, a.body)
	}
	p.forwards("the connection goes on", f("", ""), "k:0|c")
	_, _ = c.tryOpen("POST", "/count/k", true, "x", pad(1<<20))
	c.end()
	if c.goAway == nil {
		t.Errorf("headers of 1 MiB: %v", c.err)
	}
}

// TestHeadersWithoutEndEndTheConnection floods with CONTINUATION
// (CVE-2023-45288): of frames that are full, and of empty ones, for which only
// time runs.
func TestHeadersWithoutEndEndTheConnection(t *testing.T) {
	p := start(t, withTLS, func(o *Options) { o.IdleTimeout = 100 * time.Millisecond })
	for _, size := range []int{0, 1000, maxFrame} {
		c := p.dialH2()
		p.forwards("at first", c.request("POST", "/count/k", "value=1"), "k:1|c")
		begin := c.pack(":method", "POST")
		const gzip = 0x90 // accept-encoding: gzip, deflate (RFC 7541, appendix A)
		var sending sync.WaitGroup
		sending.Go(func() {
			err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: begin})
			for err == nil {
				err = c.framer.WriteContinuation(3, false, bytes.Repeat([]byte{gzip}, size))
			}
		})
		c.end()
		sending.Wait()
	}
	c := p.dialH2()
	p.forwards("another connection", c.request("POST", "/count/k", "value=1"), "k:1|c")
}

func TestBodyOverHTTP2IsLimited(t *testing.T) {
	p := start(t, withTLS, func(o *Options) { o.MaxBody = 300_000 })
	c := p.dialH2()
	body := `{"value":1` + strings.Repeat(" ", 300_000-11) + "}"
	f := func(body string, headers ...string) answer {
		t.Helper()
		id := c.open("POST", "/count/k", false, headers...)
		c.send(id, body, true)
		return c.answer(id)
	}
	p.forwards("declared", c.request("POST", "/count/k", body), "k:1|c")
	p.forwards("not declared", f(body), "k:1|c")
	p.refuses("declared, above the limit", c.request("POST", "/count/k", body+" "), 413, "300000 bytes")
	p.refuses("not declared, above the limit", f(body+" "), 413, "300000 bytes")
	p.refuses("far above the limit", f(strings.Repeat("x", 2<<20)), 413, "300000 bytes")
	for _, declared := range []string{"x", "+7", "7, 7", "-1", "7 7"} {
		p.refuses("length "+declared, c.answer(c.open("POST", "/count/k", true, "content-length", declared)), 400, "Content-Length")
	}
	p.refuses("two lengths", c.answer(c.open("POST", "/count/k", true, "content-length", "7", "content-length", "8")), 400, "Content-Length")
	p.refuses("shorter than declared", f("value=1", "content-length", "8"), 400, "ends before its body")
	if a := f("value=1", "content-length", "6"); a.status == 200 {
		t.Error("a body that is longer than declared is taken")
	}
	p.sink.take()
	p.forwards("the connection goes on", c.request("POST", "/count/k", "value=1"), "k:1|c")
	c.do(c.framer.WriteData(c.open("POST", "/count/k", false), true, []byte("value=1")))
	p.forwards("a body at once", c.answer(c.next-2), "k:1|c")
	if held := p.held.Load(); held != 0 {
		t.Errorf("%d bytes are held with no body", held)
	}
}

// TestLargeBodiesOverHTTP2ShareTheirMemory has them arrive but for their end.
func TestLargeBodiesOverHTTP2ShareTheirMemory(t *testing.T) {
	p := start(t, withTLS)
	part := strings.Repeat("&", 700<<10)
	var clients []*h2Client
	refused := 0
	for refused == 0 {
		if len(clients) > maxBodies>>20+1 {
			t.Fatalf("%d bodies hold %d bytes", len(clients), p.held.Load())
		}
		c := p.dialH2()
		clients = append(clients, c)
		id := c.open("POST", "/count/k", false)
		c.send(id, part, false)
		before := p.held.Load()
		poll(t, func() bool {
			// It has been read when it is held to its end, or refused.
			return p.held.Load() >= before && (p.held.Load() >= int64(len(clients)*len(part)) || p.refused("too many large bodies"))
		})
		if p.refused("too many large bodies") {
			p.refuses("beyond the limit", c.answer(id), 503, "too many large bodies")
			refused++
		}
		if held := p.held.Load(); held > maxBodies {
			t.Errorf("bodies hold %d bytes, want %d at most", held, maxBodies)
		}
	}
	p.forwards("a small one", p.dialH2().request("POST", "/count/k", "value=1"), "k:1|c")
	for _, c := range clients {
		c.conn.Close()
	}
	poll(t, func() bool { return p.held.Load() == 0 })
}

// refused tells whether the log has a refusal with that message.
func (p *proxy) refused(message string) bool {
	return strings.Contains(p.log.String(), message)
}

func TestSlowStreamsAreCutOff(t *testing.T) {
	p := start(t, withTLS, func(o *Options) { o.ReadTimeout = time.Second / 2 })
	c := p.dialH2()
	for _, part := range []string{"", "value="} {
		id := c.open("POST", "/count/k", false, "content-length", "7")
		c.send(id, part, false)
		p.refuses("a body that stalls", c.answer(id), 408, "in time")
	}
	id := c.open("POST", "/count/k", false, "content-length", "20000")
	c.send(id, "value=", false)
	p.refuses("a large body that stalls", c.answer(id), 408, "in time")
	p.forwards("the connection goes on", c.request("POST", "/count/k", "value=1"), "k:1|c")
}

func TestIdleHTTP2ConnectionsAreClosed(t *testing.T) {
	p := start(t, withTLS, func(o *Options) {
		o.ReadTimeout = time.Second
		o.IdleTimeout = 100 * time.Millisecond
	})
	p.dialH2().end() // no request ever

	used := p.dialH2()
	p.forwards("request", used.request("POST", "/count/k", "value=1"), "k:1|c")
	used.end()
	if used.goAway == nil || *used.goAway != http2.ErrCodeNo {
		t.Errorf("it ends with GOAWAY %v", used.goAway)
	}

	head := p.dialH2()
	p.forwards("request", head.request("POST", "/count/k", "value=1"), "k:1|c")
	head.do(head.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: head.pack(":method", "POST")}))
	head.end() // in the midst of headers

	var begun []io.Reader
	for _, begin := range []string{"", http2.ClientPreface[:10], http2.ClientPreface, "GET / HTTP/1.1\r\n\r\n"} {
		conn := tls.Client(p.dial(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if _, err := io.WriteString(conn, begin); err != nil {
			t.Fatal(err)
		}
		begun = append(begun, conn)
	}
	for i, conn := range begun {
		_, err := io.ReadAll(conn)
		if ne, ok := err.(interface{ Timeout() bool }); ok && ne.Timeout() {
			t.Errorf("connection %d stays open", i)
		}
	}
}

// TestClientsThatDoNotReadAreCutOff has answers wait: for the client's flow
// control, and for room in the sockets.
func TestClientsThatDoNotReadAreCutOff(t *testing.T) {
	p := start(t, withTLS, func(o *Options) {
		o.ReadTimeout = time.Second / 2
		o.WriteTimeout = 50 * time.Millisecond
	})
	c := p.dialH2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	for range 2 {
		var ids []uint32
		for range maxStreams {
			ids = append(ids, c.open("POST", "/count/k?value=x", true))
		}
		for _, id := range ids {
			if a := c.answer(id); a.status != -1 {
				t.Fatalf("an answer without a window: %d %q", a.status, a.body)
			}
		}
	}
	c.conn.Close()

	c = p.dialH2()
	err := c.framer.WriteWindowUpdate(0, 1<<30)
	bad := []byte(strings.Repeat("no metric\n", maxRejected)) // which has an answer of 2 KiB
	for err == nil {
		var id uint32
		if id, err = c.tryOpen("POST", "/batch", false); err == nil {
			err = c.framer.WriteData(id, true, bad)
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a client that does not read is not cut off")
	}
	poll(t, func() bool { return p.inState(busy) == 0 })
}

// blockingSink has Send wait, and counts who does.
type blockingSink struct {
	waiting, most atomic.Int64
	release       chan struct{}
}

func (b *blockingSink) Send(lines []byte, _ []int) error {
	if strings.HasPrefix(string(lines), "evil") {
		n := b.waiting.Add(1)
		defer b.waiting.Add(-1)
		for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
		}
		<-b.release
	}
	return nil
}

// TestRapidResetHarmsNobody opens streams and resets them as fast as it can
// (CVE-2023-44487), with each request taking its time.
func TestRapidResetHarmsNobody(t *testing.T) {
	sink := &blockingSink{release: make(chan struct{})}
	p := start(t, withTLS, func(o *Options) { o.Sink = sink })
	good := p.dialH2()
	evil := p.dialH2()
	ended := make(chan error)
	go func() {
		var err error
		for err == nil {
			var id uint32
			if id, err = evil.tryOpen("POST", "/count/evil", true); err == nil {
				err = evil.framer.WriteRSTStream(id, http2.ErrCodeCancel)
			}
		}
		ended <- err
	}()
	for evil.goAway == nil && evil.read() {
		if a := good.request("POST", "/count/good", "value=1"); a.status != 200 {
			t.Errorf("another client got %d %s", a.status, a.body)
		}
	}
	if evil.goAway == nil || *evil.goAway != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("the connection ends with GOAWAY %v, %v, want ENHANCE_YOUR_CALM", evil.goAway, evil.err)
	}
	if most := sink.most.Load(); most == 0 || most > maxStreams {
		t.Errorf("%d requests were worked on at once, want up to %d", most, maxStreams)
	}
	close(sink.release)
	evil.end()
	select {
	case <-ended:
	case <-time.After(deadline):
		t.Error("it can go on sending")
	}
	poll(t, func() bool { return sink.waiting.Load() == 0 })
}

// TestFloodsTakeNoMemory sends what has to be answered and does not read the
// answers.
func TestFloodsTakeNoMemory(t *testing.T) {
	p := start(t, withTLS, func(o *Options) { o.WriteTimeout = 200 * time.Millisecond })
	good := p.dialH2()
	before := heap()
	for _, flood := range []func(c *h2Client) error{
		func(c *h2Client) error { return c.framer.WritePing(false, [8]byte{}) },
		func(c *h2Client) error { return c.framer.WriteSettings() },
		func(c *h2Client) error {
			id, err := c.tryOpen("POST", "/count/k", true)
			if err == nil {
				err = c.framer.WriteRSTStream(id, http2.ErrCodeCancel)
			}
			return err
		},
	} {
		c := p.dialH2()
		for begin := time.Now(); time.Since(begin) < 500*time.Millisecond && flood(c) == nil; {
		}
		if grown := int64(heap()) - int64(before); grown > 4<<20 {
			t.Errorf("the memory grows by %d bytes", grown)
		}
		if a := good.request("POST", "/count/k", "value=1"); a.status != 200 {
			t.Errorf("another client got %d %s", a.status, a.body)
		}
		c.conn.Close()
		p.sink.take()
	}
}

// heap returns how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestHTTP2ConnectionsCount(t *testing.T) {
	p := start(t, withTLS, func(o *Options) { o.Conns = limit.NewConns(2, 0, nil) })
	first, second := p.dialH2(), p.dialH2()
	for _, c := range []*h2Client{first, second} {
		if a := c.request("GET", "/heartbeat", ""); a.status != 200 {
			t.Fatalf("a connection within the limit: %d", a.status)
		}
	}
	if _, err := tls.Dial("tcp", p.address, &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("one beyond the limit is served")
	}
	second.conn.Close()
	poll(t, func() bool { return p.inState(busy) == 1 })
	if a := p.dialH2().request("GET", "/heartbeat", ""); a.status != 200 {
		t.Errorf("there is no room although a connection was closed: %d", a.status)
	}
}

func TestShutdownFinishesStreams(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	p := start(t, withTLS)
	unused, idle, began := p.dialH2(), p.dialH2(), p.dialH2()
	p.forwards("idle", idle.request("POST", "/count/idle", "value=1"), "idle:1|c")
	id := began.open("POST", "/count/body", false)
	began.send(id, "val", false)
	poll(t, func() bool { return p.held.Load() == 0 && p.inState(busy) == 3 })
	poll(t, func() bool { return p.streamsBegun(2) })

	shut := make(chan error, 1)
	go func() { shut <- p.Shutdown(t.Context()) }()
	poll(t, p.draining.Load)
	a := idle.request("POST", "/count/late", "value=1")
	p.refuses("a request that begins late", a, 503, "shutting down")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("503 with %v", a.header)
	}
	for _, c := range []*h2Client{idle, unused} {
		c.end()
		if c.goAway == nil || *c.goAway != http2.ErrCodeNo {
			t.Errorf("it ends with GOAWAY %v, %v", c.goAway, c.err)
		}
		c.conn.Close()
	}
	began.send(id, "ue=1", true)
	p.forwards("a request that had begun", began.answer(id), "body:1|c")
	began.end()
	began.conn.Close()
	p.endsWell(shut)
}

// streamsBegun tells whether on n connections a request over HTTP/2 has begun.
func (p *proxy) streamsBegun(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if c.hasBegun.Load() {
			n--
		}
	}
	return n == 0
}

// TestShutdownLeavesNoStreamBehind has it end before a request does.
func TestShutdownLeavesNoStreamBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	p := start(t, withTLS)
	c := p.dialH2()
	for range maxStreams {
		c.send(c.open("POST", "/count/k", false), "value=", false)
	}
	poll(t, func() bool { return p.streamsBegun(1) })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown returns %v", err)
	}
	if sent := p.sink.take(); sent != nil {
		t.Errorf("sent %q", sent)
	}
	c.conn.Close()
	<-p.stopped
}

func TestPagesAreServedOverHTTP2(t *testing.T) {
	p := start(t, withTLS, func(o *Options) { o.WriteTimeout = 100 * time.Millisecond }, withPages(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/faulty":
			panic("out of paper")
		case "/events":
			for range 3 {
				_, _ = io.WriteString(w, "more")
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
			}
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String())
	}))
	c := p.dialH2()
	if a := c.request("GET", "/some/file.js?v=1", ""); a.status != 200 || a.body != "GET /some/file.js?v=1" {
		t.Errorf("got %d %q", a.status, a.body)
	}
	p.refuses("a route of the interface", c.request("GET", "/count/k", ""), 405, "GET")
	if a := c.request("GET", "/faulty", ""); a.status != -1 {
		t.Errorf("a faulty page gets %d", a.status)
	}
	if !strings.Contains(p.log.String(), "out of paper") {
		t.Errorf("the log is silent: %s", p.log)
	}
	// A page goes on for longer than a write may take, until the server stops.
	id := c.open("GET", "/events", true)
	for c.streams[id].body != "moremoremore" {
		c.mustRead()
	}
	for begin := time.Now(); time.Since(begin) < 300*time.Millisecond; {
		if a := c.request("GET", "/heartbeat", ""); a.body != "OK" {
			t.Errorf("the heartbeat says %q", a.body)
		}
	}
	var shut sync.WaitGroup
	shut.Go(func() { _ = p.Shutdown(t.Context()) })
	if a := c.answer(id); a.body != "moremoremoreGET /events" {
		t.Errorf("got %d %q", a.status, a.body)
	}
	c.conn.Close()
	shut.Wait()
}

// TestShutdownWaitsForStreams has a request still be worked on when its
// connection has been closed.
func TestShutdownWaitsForStreams(t *testing.T) {
	sink := &blockingSink{release: make(chan struct{})}
	p := start(t, withTLS, func(o *Options) { o.Sink = sink })
	c := p.dialH2()
	c.open("POST", "/count/evil", true)
	poll(t, func() bool { return sink.waiting.Load() == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	shut := make(chan struct{})
	go func() {
		defer close(shut)
		_ = p.Shutdown(ctx)
	}()
	c.end()
	select {
	case <-shut:
		t.Error("it has not waited")
	case <-time.After(50 * time.Millisecond): // which it takes much less than
	}
	close(sink.release)
	select {
	case <-shut:
	case <-time.After(deadline):
		t.Fatal("the shutdown does not end")
	}
}

func TestDrainingServerSendsHTTP2ClientsAway(t *testing.T) {
	p := start(t, withTLS)
	c := p.dialH2()
	p.draining.Store(true)
	p.refuses("a request that begins late", c.request("POST", "/count/k", "value=1"), 503, "shutting down")
	c.end()
	if c.goAway == nil || *c.goAway != http2.ErrCodeNo {
		t.Errorf("it ends with GOAWAY %v, %v", c.goAway, c.err)
	}
}

// TestWhatHTTP2Forbids holds what net/http refuses by itself, and that the
// connection goes on.
func TestWhatHTTP2Forbids(t *testing.T) {
	p := start(t, withTLS)
	c := p.dialH2()
	f := func(status int, method, target string, headers ...string) {
		t.Helper()
		if a := c.answer(c.open(method, target, true, headers...)); a.status != status {
			t.Errorf("%s %s %q: got %d %s, want %d", method, target, headers, a.status, a.body, status)
		}
		if sent := p.sink.take(); sent != nil {
			t.Errorf("%s %s %q: sent %q", method, target, headers, sent)
		}
	}
	const isReset = -1
	for _, target := range []string{"/count/a%", "/count/a%zz", "count/k", "", "/count/a\x01b"} {
		f(isReset, "POST", target)
	}
	f(isReset, "", "/count/k")
	f(isReset, "CONNECT", "/count/k")
	f(isReset, "POST", "/count/k", "X-Upper", "case")
	f(isReset, "POST", "/count/k", "x", "a\nb")
	f(isReset, "POST", "/count/k", ":path", "/count/l")
	for _, header := range []string{"connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection"} {
		f(400, "POST", "/count/k", header, "x")
	}
	f(417, "POST", "/count/k", "expect", "other")
	f(404, "OPTIONS", "*")
	p.forwards("the connection goes on", c.request("POST", "/count/k", "value=1"), "k:1|c")
}
