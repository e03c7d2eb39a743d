package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
)

// A rate that gives nothing back while a test runs.
const almostNever = 0.001

func withRates(burst int) func(*Options) {
	return func(o *Options) { o.Rates = limit.NewRates(almostNever, burst, limit.DefaultClients) }
}

func withProxies(t *testing.T, networks string) func(*Options) {
	t.Helper()
	trusted, err := limit.ParseTrustedProxies(networks)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.TrustedProxies = trusted }
}

// limits checks that an answer refuses a client that is beyond a limit.
func (p *proxy) limits(what string, a answer, message string) {
	p.t.Helper()
	p.refuses(what, a, 429, message)
	if wait := a.header.Get("Retry-After"); wait == "" || wait == "0" {
		p.t.Errorf("%s: Retry-After is %q", what, wait)
	}
}

func TestClientIsHeldToItsRate(t *testing.T) {
	p := start(t, withRates(3))
	for range 3 {
		p.forwards("within the burst", p.do("POST", "/count/k", "value=1"), "k:1|c")
	}
	p.limits("beyond it", p.do("POST", "/count/k", "value=1"), "more metrics a second")
	p.limits("whatever it sends", p.do("POST", "/count/k", "value=x"), "more metrics a second")
	p.limits("a batch", p.do("POST", "/batch", "k:1|c"), "more metrics a second")
	if a := p.do("GET", "/heartbeat", ""); a.status != 200 {
		t.Errorf("the heartbeat is limited: %d", a.status)
	}
	if a := p.do("OPTIONS", "/count/k", "", "Origin: https://a.example", "Access-Control-Request-Method: POST"); a.status != 204 {
		t.Errorf("a preflight is limited: %d", a.status)
	}
}

func TestEachEntryOfABatchCounts(t *testing.T) {
	p := start(t, withRates(5))
	p.refuses("more than the burst", p.do("POST", "/batch", strings.Repeat("k:1|c\n", 6)), 413, "the batch has 6 metrics")
	// That took one.
	p.limits("all or nothing", p.do("POST", "/batch", strings.Repeat("k:1|c\n", 5)), "more metrics a second")
	p.batch("a:1|c\nb:x|c\nc:1|c", 200,
		`{"accepted":2,"rejected":[{"index":1,"error":"parameter \"value\": \"x\" is not a number"}]}`, "a:1|c", "c:1|c")
	p.limits("bad ones count", p.do("POST", "/count/k", "value=1"), "more metrics a second")
}

// TestEachValueOfALineCounts sends few entries that are many metrics.
func TestEachValueOfALineCounts(t *testing.T) {
	p := start(t, withRates(5))
	p.refuses("more than the burst", p.do("POST", "/batch", "k:1:2:3:4:5:6|ms"), 413, "the batch has 6 metrics")
	p.limits("all but one are left", p.do("POST", "/batch", "k:1:2:3:4:5|ms"), "more metrics a second")
	p.batch("k:1:2:3|ms", 200, `{"accepted":1,"rejected":[]}`, "k:1|ms", "k:2|ms", "k:3|ms")
	p.limits("that was all", p.do("POST", "/count/k", "value=1"), "more metrics a second")
}

func TestTokensSubjectIsTheClient(t *testing.T) {
	p := start(t, withTokens, withRates(1))
	send := func(claims jwt.MapClaims) answer {
		return p.do("POST", "/count/k", "value=1", "X-JWT-Token: "+token(t, claims))
	}
	p.forwards("ann", send(jwt.MapClaims{"sub": "ann"}), "k:1|c")
	p.limits("ann", send(jwt.MapClaims{"sub": "ann", "jti": "another token"}), "more metrics a second")
	p.forwards("bob", send(jwt.MapClaims{"sub": "bob"}), "k:1|c")
	p.forwards("the address", send(nil), "k:1|c")
	p.limits("the address", send(jwt.MapClaims{"sub": ""}), "more metrics a second")
	// Who has no valid token uses nobody's rate up.
	q := start(t, withTokens, withRates(1))
	for range 3 {
		q.refuses("no token", q.do("POST", "/count/k", "value=1"), 401, "token")
	}
	q.forwards("the first one", q.do("POST", "/count/k", "value=1", "X-JWT-Token: "+token(t, nil)), "k:1|c")
}

// TestForwardedForCountsFromTrustedProxiesOnly writes the header as a client
// would that wants to be many.
func TestForwardedForCountsFromTrustedProxiesOnly(t *testing.T) {
	from := func(p *proxy, headers ...string) answer { return p.do("POST", "/count/k", "value=1", headers...) }

	p := start(t, withRates(1))
	p.forwards("nobody is trusted", from(p, "X-Forwarded-For: 192.0.2.1"), "k:1|c")
	p.limits("nobody is trusted", from(p, "X-Forwarded-For: 192.0.2.2"), "more metrics a second")

	p = start(t, withRates(1), withProxies(t, "127.0.0.0/8,10.0.0.0/8"))
	p.forwards("one client", from(p, "X-Forwarded-For: 192.0.2.1"), "k:1|c")
	p.forwards("another", from(p, "X-Forwarded-For: 192.0.2.2"), "k:1|c")
	p.limits("the first again", from(p, "X-Forwarded-For: 192.0.2.1"), "more metrics a second")
	p.limits("with an address that it made up", from(p, "X-Forwarded-For: 203.0.113.9, 192.0.2.1"), "more metrics a second")
	p.limits("in a header of its own", from(p, "X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 192.0.2.1, 10.0.0.7"), "more metrics a second")
	p.forwards("another network of IPv6", from(p, "X-Forwarded-For: 2001:db8::1"), "k:1|c")
	p.limits("the same", from(p, "X-Forwarded-For: 2001:db8::2"), "more metrics a second")
}

func TestNewSeriesAreLimited(t *testing.T) {
	p := start(t, func(o *Options) { o.Series = limit.NewSeries(2) })
	send := func(name, body string) answer { return p.do("POST", "/count/"+name, body) }
	p.forwards("first", send("a", "value=1"), "a:1|c")
	p.forwards("second", send("a", "value=1&tags=env=prod"), "a,env=prod:1|c")
	p.limits("third", send("b", "value=1"), `too many series are in use for the new one of "b"`)
	p.limits("other tags", send("a", "value=1&tags=env=test"), "too many series")
	p.forwards("known", send("a", "value=2"), "a:2|c")
	p.forwards("known, of another type", p.do("POST", "/gauge/a", "value=-5"), "a:0|g\na:-5|g")
	p.batch("b:1|c\na:3|c", 200,
		`{"accepted":1,"rejected":[{"index":0,"error":"too many series are in use for the new one of \"b\""}]}`, "a:3|c")
}

// TestRefusedRequestsKeepNoSeriesOut sends what would fill the table if it were
// let in, in ways that are refused as a whole.
func TestRefusedRequestsKeepNoSeriesOut(t *testing.T) {
	p := start(t, withTokens, withRates(10), func(o *Options) { o.Series = limit.NewSeries(3) })
	send := func(subject, body string) answer {
		return p.do("POST", "/batch", body, "X-JWT-Token: "+token(t, jwt.MapClaims{"sub": subject}))
	}
	var names strings.Builder
	for i := range 11 {
		fmt.Fprintf(&names, "made.up.%d:1|c\n", i)
	}
	p.refuses("more than the burst", send("evil", names.String()), 413, "the batch has 11 metrics")
	p.refuses("broken at its end", send("evil", `[{"metric":"x","metric_type":"count"},{"metric":"y","metric_type":"count"},`), 400, "breaks off")
	a := send("good", "a:1|c\nb:1|c\nc:1|c")
	if sent := p.sink.take(); a.status != 200 || len(sent) != 3 {
		t.Errorf("made-up names keep others out: %d %s", a.status, a.body)
	}
}

// TestBatchGoesOnWithoutItsNewSeries has some before, between and behind those
// that go on.
func TestBatchGoesOnWithoutItsNewSeries(t *testing.T) {
	p := start(t, func(o *Options) { o.Series = limit.NewSeries(2) })
	p.batch("a:1|c\nb:1|c\nc:1|c\na:-1|g\nx:y|c\nd:1:2|ms\nb:3:4|ms", 200,
		`{"accepted":4,"rejected":[{"index":2,"error":"too many series are in use for the new one of \"c\""},`+
			`{"index":4,"error":"parameter \"value\": \"y\" is not a number"},`+
			`{"index":5,"error":"too many series are in use for the new one of \"d\""}]}`,
		"a:1|c", "b:1|c", "a:-1|g", "b:3|ms", "b:4|ms")
	p.batch(`[{"metric":"new","metric_type":"count"},{"metric":"a","metric_type":"gauge","value":-5}]`, 200,
		`{"accepted":1,"rejected":[{"index":0,"error":"too many series are in use for the new one of \"new\""}]}`,
		"a:0|g\na:-5|g")
	p.batch("e:1|c\nf:1|c", 400,
		`{"accepted":0,"rejected":[{"index":0,"error":"too many series are in use for the new one of \"e\""},`+
			`{"index":1,"error":"too many series are in use for the new one of \"f\""}]}`)

	// The first twenty are listed, whatever is wrong with them.
	var batch strings.Builder
	for i := range 50 {
		fmt.Fprintf(&batch, "made.up.%d:1|c\nbad:%d|x\n", i, i)
	}
	answer := p.do("POST", "/batch", batch.String())
	var body struct {
		Rejected []struct{ Index int }
	}
	if err := json.Unmarshal([]byte(answer.body), &body); err != nil {
		t.Fatal(err)
	}
	for i := range body.Rejected {
		if body.Rejected[i].Index != i {
			t.Errorf("rejection %d is that of entry %d", i, body.Rejected[i].Index)
		}
	}
	if len(body.Rejected) != maxRejected {
		t.Errorf("%d are listed, want %d", len(body.Rejected), maxRejected)
	}
}

// TestWhatIsNotSentIsNoSeries has sampling and bad values keep names out.
func TestWhatIsNotSentIsNoSeries(t *testing.T) {
	p := start(t, func(o *Options) { o.Series = limit.NewSeries(1) })
	for i := range 20 {
		if a := p.do("POST", fmt.Sprintf("/count/sampled%d", i), "value=1&sampleRate=0.0001"); a.status != 200 {
			t.Fatalf("a metric that is left out: %d %s", a.status, a.body)
		}
		if p.sink.take() != nil {
			t.Skip("one metric of 10,000 is not left out")
		}
		p.refuses("bad", p.do("POST", fmt.Sprintf("/count/bad%d", i), "value=x"), 400, "value")
	}
	p.forwards("the only one", p.do("POST", "/count/k", "value=1"), "k:1|c")
}

func TestTokenLimitsWhatIsWritten(t *testing.T) {
	p := start(t, withTokens, with(t, metric.Options{Prefix: "site"}))
	good := "X-JWT-Token: " + token(t, jwt.MapClaims{"metrics": []string{"web.*"}, "types": []string{"count", "set"}, "prefix": "shop"})
	p.forwards("allowed", p.do("POST", "/count/web.load", "value=1", good), "site.shop.web.load:1|c")
	p.forwards("allowed", p.do("POST", "/set", "name=web.user&value=a", good), "site.shop.web.user:a|s")
	p.refuses("name", p.do("POST", "/count/app.load", "value=1", good), 403, `the token does not allow the name "app.load"`)
	p.refuses("name", p.do("POST", "/count/shop.web.load", "value=1", good), 403, "does not allow the name")
	p.refuses("type", p.do("POST", "/gauge/web.load", "value=1", good), 403, "the token does not allow the type gauge")
	p.refuses("bad and not allowed", p.do("POST", "/count/app%0Aload", "value=1", good), 400, "name")

	a := p.do("POST", "/batch", "web.a:1|c\napp.b:1|c\nweb.c:1|ms", good)
	const want = `{"accepted":1,"rejected":[{"index":1,"error":"the token does not allow the name \"app.b\""},` +
		`{"index":2,"error":"the token does not allow the type timing"}]}`
	if sent := p.sink.take(); a.status != 200 || a.body != want || len(sent) != 1 || sent[0] != "site.shop.web.a:1|c" {
		t.Errorf("got %d %s and sent %q", a.status, a.body, sent)
	}
	// The next request of the same connection has no grant of this one.
	other := "X-JWT-Token: " + token(t, nil)
	p.forwards("another token", p.do("POST", "/gauge/app.load", "value=1", other), "site.app.load:1|g")
}

func TestForeignOriginsAreRefused(t *testing.T) {
	origins, err := ParseOrigins("https://shop.example,https://*.shop.example")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, withTokens, func(o *Options) { o.Origins = origins })
	good := "X-JWT-Token: " + token(t, nil)
	send := func(method, path, body, origin string) answer {
		return p.do(method, path, body, good, "Origin: "+origin, "Access-Control-Request-Method: POST")
	}
	for _, origin := range []string{"https://shop.example", "https://www.shop.example"} {
		a := send("POST", "/count/k", "value=1", origin)
		p.forwards(origin, a, "k:1|c")
		if got := a.header.Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("%s: Access-Control-Allow-Origin is %q", origin, got)
		}
	}
	f := func(what string, a answer, status int, message string) {
		t.Helper()
		p.refuses(what, a, status, message)
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: the page is given %s", what, name)
			}
		}
		if a.header.Get("Vary") != "Origin" {
			t.Errorf("%s: caches are not told that it depends on the origin", what)
		}
	}
	const evil = "https://evil.example"
	f("a simple POST", send("POST", "/count/k", "value=1", evil), 403, `pages of the origin "https://evil.example" may not send here`)
	f("a batch", send("POST", "/batch", "k:1|c", evil), 403, "may not send here")
	f("a preflight", send("OPTIONS", "/count/k", "", evil), 403, "may not send here")
	f("a sandboxed page", send("POST", "/count/k", "value=1", "null"), 403, "may not send here")
	f("no such route", send("POST", "/nope/k", "value=1", evil), 404, "unknown metric type")
	f("wrong method", send("GET", "/count/k", "", evil), 405, "method")
	f("without a token", p.do("POST", "/count/k", "value=1", "Origin: "+evil), 403, "may not send here")
	p.forwards("no page at all", p.do("POST", "/count/k", "value=1", good), "k:1|c")
}

func TestConnectionsAreLimited(t *testing.T) {
	p := start(t, func(o *Options) { o.Conns = limit.NewConns(2, 0, nil) })
	turnedAway := func() int {
		t.Helper()
		// It is turned away before it sends anything.
		response, err := http.ReadResponse(bufio.NewReader(p.dial()), nil)
		if err != nil {
			t.Fatalf("read the answer: %v", err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != `{"error":"too many connections"}` {
			t.Errorf("got %q, %v", body, err)
		}
		return response.StatusCode
	}
	first, second := p.dial(), p.dial()
	const request = "GET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n"
	for _, conn := range []io.ReadWriter{first, second} {
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if a := p.read(bufio.NewReader(conn), "GET"); a.status != 200 {
			t.Fatalf("a connection within the limit: %d", a.status)
		}
	}
	if status := turnedAway(); status != 503 {
		t.Errorf("one beyond the limit: %d", status)
	}
	second.Close()
	// The server needs a moment to see that.
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		if p.beats() {
			break
		}
		if time.Since(start) > deadline {
			t.Fatal("there is no room although a connection was closed")
		}
	}
	if !strings.Contains(p.log.String(), "too many connections") {
		t.Error("the log does not say so")
	}
}

// beats tells whether the heartbeat is answered on a new connection.
func (p *proxy) beats() bool {
	response, err := http.Get("http://" + p.address + "/heartbeat")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// bodyFunc is a bodyReader.
type bodyFunc func(limit int) ([]byte, *refusal)

func (f bodyFunc) readBody(limit int) ([]byte, *refusal) { return f(limit) }

// TestSlowClientsHoldNoDesk: what one request has made large is not for those
// that wait for their clients.
func TestSlowClientsHoldNoDesk(t *testing.T) {
	p := start(t)
	w := getWork()
	if _, no := parseHead([]byte("POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n"), &w.request); no != nil {
		t.Fatal(no.message)
	}
	w.request.body = bodyFunc(func(int) ([]byte, *refusal) {
		if w.desk != nil {
			t.Error("there is a desk while the body is read")
		}
		return []byte("value=1"), nil
	})
	p.handle(w)
	if w.desk != nil {
		t.Error("there is a desk while the answer is written")
	}
	if sent := p.sink.take(); w.response.status != 200 || len(sent) != 1 {
		t.Errorf("status %d, sent %q", w.response.status, sent)
	}
}
