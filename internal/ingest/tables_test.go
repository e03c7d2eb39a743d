package ingest

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/limit"
)

func TestCutBearer(t *testing.T) {
	f := func(value, want string, wantScheme bool) {
		t.Helper()
		if got, hasScheme := cutBearer([]byte(value)); string(got) != want || hasScheme != wantScheme {
			t.Errorf("%q: got %q, %v, want %q, %v", value, got, hasScheme, want, wantScheme)
		}
	}
	f("", "", false)
	f("x", "x", false)
	f("Beare", "Beare", false)
	f("Bearer", "", true)
	f("bearer ", "", true)
	f("BEARER \t a.b.c \t", "a.b.c", true)
	f("Bearer\ta", "a", true)
	f("Bearera", "Bearera", false)
	f("Bearer:a", "Bearer:a", false)
	f("Digest a", "Digest a", false)
	f("Basic a", "Basic a", false)
	f("Bearer Bearer a", "Bearer a", true)
}

func TestAcceptsGzip(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "gzip": true, "GZip": true, "br, gzip": true, "br,gzip ; q=1": true, "gzip;q=0.001": true, "gzip; q= 0.5": true, "gzip;q=0.5, br": true, "deflate;q=0, gzip": true, "gzip;q": true,
		"br": false, "gzip;q=0": false, "gzip; q= 0 ": false, "gzip;q=0.000": false, "gzips": false, "x-gzip": false, "br;gzip": false, "*": false,
	} {
		if got := acceptsGzip([]byte(value)); got != want {
			t.Errorf("%q: got %v", value, got)
		}
	}
}

func TestMatchesETag(t *testing.T) {
	for value, want := range map[string]bool{
		`"a"`: true, `W/"a"`: true, `*`: true, `"b", "a"`: true, `"b",W/"a" `: true, ` "a"`: true,
		``: false, `"b"`: false, `a`: false, `"A"`: false, `w/"a"`: false, `"a" "b"`: false, `"a`: false,
	} {
		if got := matchesETag([]byte(value), `"a"`); got != want {
			t.Errorf("%s: got %v", value, got)
		}
	}
}

func TestLooksJoined(t *testing.T) {
	for batch, want := range map[string]bool{
		"a:1|cb:2|c": true, "a:1|gb:2|m": true, "a:1|sb:2|hc:3|d": true, "a:1|c#x:yb:2|c": true, "a:1|c|@0.5b:2|c": true, "a::1|cb:2|c": true, ":1|c:2|c": true,
		"": false, ":": false, "a:1|c": false, "a:1|cb:2": false, "a:1|cb:2|": false, "a:1|cb:|c": false, "a:|cb:2|c": false, "a:1|xb:2|c": false, "a:1|cb:2|x": false,
		"a:1|cb:2|c\n": false, "{a:1|cb:2|c": false, "[a:1|cb:2|c": false, "a:1cb:2|c": false,
	} {
		if got := looksJoined([]byte(batch)); got != want {
			t.Errorf("%q: got %v", batch, got)
		}
	}
}

func TestSplitTarget(t *testing.T) {
	f := func(target, wantPath, wantQuery string) {
		t.Helper()
		if path, query := splitTarget([]byte(target)); string(path) != wantPath || string(query) != wantQuery {
			t.Errorf("%q: got %q, %q, want %q, %q", target, path, query, wantPath, wantQuery)
		}
	}
	f("", "", "")
	f("/", "/", "")
	f("/a/b?c?d", "/a/b", "c?d")
	f("/a://b/c", "/a://b/c", "")
	f("http://h/a?b", "/a", "b")
	f("http://h", "/", "")
	f("http://h?b=/c", "/", "b=/c")
	f("https://h:80//a", "//a", "")
}

func TestRequestedHeaders(t *testing.T) {
	for _, list := range []string{"a", "A-b_c, x-jwt-token\t,d", strings.Repeat("a,", 63) + "a"} {
		if got := requestedHeaders([]byte(list)); string(got) != list {
			t.Errorf("%q becomes %q", list, got)
		}
	}
	for _, list := range []string{"", ",", "a,", ",a", "a b", "a:", "\xc3\xa4", strings.Repeat("a,", 64) + "a"} {
		if got := requestedHeaders([]byte(list)); got != nil {
			t.Errorf("%q becomes %q, want none", list, got)
		}
	}
}

func TestCheckType(t *testing.T) {
	f := func(value string, isBatch bool, wantBoundary string, wantStatus int) {
		t.Helper()
		boundary, herr := checkType([]byte(value), isBatch)
		status := 200
		if herr != nil {
			status = herr.Status
		}
		if boundary != wantBoundary || status != wantStatus {
			t.Errorf("%q, batch %v: got %q, %d, want %q, %d", value, isBatch, boundary, status, wantBoundary, wantStatus)
		}
	}
	for _, value := range []string{"", "application/json", "Text/Plain ; charset=utf-8", "application/x-www-form-urlencoded", "application/octet-stream", " ;x"} {
		f(value, false, "", 200)
		f(value, true, "", 200)
	}
	f("multipart/form-data; boundary=b", false, "b", 200)
	f(`Multipart/Form-Data;a=c;boundary="b d"`, false, "b d", 200)
	f("multipart/form-data; boundary=b", true, "", 415)
	f("multipart/form-data", false, "", 400)
	f("multipart/form-data; boundary=", false, "", 400)
	f("multipart/form-data; boundary=b; boundary=c", false, "", 400)
	f("multipart/mixed; boundary=b", false, "", 415)
	f("application/jsons", false, "", 415)
	f("text/html", true, "", 415)
}

func TestFindDecompressor(t *testing.T) {
	for value, want := range map[string]string{"": "", "identity": "", "IDENTITY": "", "gzip": "gzip", "GZIP": "gzip", "x-gzip": "gzip", "deflate": "deflate", "Deflate": "deflate"} {
		d, herr := findDecompressor([]byte(value))
		if herr != nil || (d == nil) != (want == "") || d != nil && string(d.name) != want {
			t.Errorf("%q: got %v, %v, want %q", value, d, herr, want)
		}
	}
	for _, value := range []string{"br", "gzip, gzip", "gzi", "gzipp", " "} {
		if d, herr := findDecompressor([]byte(value)); d != nil || herr == nil || herr.Status != 415 {
			t.Errorf("%q: got %v, %v", value, d, herr)
		}
	}
}

// TestHostsOfOriginsConsistOfSomeBytes tries each byte where a pattern has an asterisk.
func TestHostsOfOriginsConsistOfSomeBytes(t *testing.T) {
	hosts, err := ParseOrigins("https://*.example")
	if err != nil {
		t.Fatal(err)
	}
	ports, err := ParseOrigins("http://localhost:*")
	if err != nil {
		t.Fatal(err)
	}
	for b := range 256 {
		c := string([]byte{byte(b)})
		isDigit := '0' <= b && b <= '9'
		if got, want := hosts.Allow([]byte("https://"+c+".example")), isDigit || 'a' <= b && b <= 'z' || strings.Contains("-._", c); got != want {
			t.Errorf("the byte %q in a host is allowed: %v", c, got)
		}
		for _, port := range []string{":" + c, ":1234" + c} {
			if got := ports.Allow([]byte("http://localhost" + port)); got != isDigit {
				t.Errorf("the port %q is allowed: %v", port, got)
			}
		}
		if c != ":" && ports.Allow([]byte("http://localhost"+c+"1")) {
			t.Errorf("the byte %q is allowed before a port", c)
		}
	}
}

// TestStatusesHaveReasons checks the counter and the cause of each error, and that only
// errors of metrics count.
func TestStatusesHaveReasons(t *testing.T) {
	const none = numReasons
	for status, want := range map[int]struct {
		reason Reason
		cause  cause
	}{
		400: {ReasonInvalid, causeInvalid}, 401: {ReasonForbidden, causeNoToken}, 403: {ReasonForbidden, causeToken}, 404: {none, causeRoute}, 405: {none, causeMethod}, 408: {ReasonInvalid, causeSlow},
		411: {ReasonInvalid, causeInvalid}, 413: {ReasonTooLarge, causeBody}, 414: {ReasonInvalid, causeHead}, 415: {none, causeType}, 417: {ReasonInvalid, causeInvalid}, 429: {ReasonRateLimit, causeRate},
		431: {ReasonInvalid, causeHead}, 500: {none, causeServer}, 501: {ReasonInvalid, causeInvalid}, 503: {ReasonQueueFull, causeBusy}, 505: {ReasonInvalid, causeInvalid},
	} {
		herr := exchange.NewError(status, "")
		for route := exchange.RouteOther; route <= exchange.RoutePreflight; route++ {
			h := new(Handler)
			h.stats.countRejected(route, herr)
			var counted Stats
			if want.reason != none && route != exchange.RouteOther && route != exchange.RouteHeartbeat && route != exchange.RoutePreflight {
				counted.Rejected[want.reason] = 1
			}
			if got := h.Stats(); got != counted {
				t.Errorf("%d for %s: counted as %v, want %v", status, route, got.Rejected, counted.Rejected)
			}
		}
		if got := new(Handler).causeOf(new(admission), herr); got != want.cause {
			t.Errorf("%d: got the cause %q, want %q", status, causes[got].reason, causes[want.cause].reason)
		}
		if got := new(Handler).causeOf(&admission{cause: causeMetric}, herr); got != causeMetric {
			t.Errorf("%d: got the cause %q, want the one of the request", status, causes[got].reason)
		}
	}
	for _, tt := range []struct {
		isLimited bool
		maxBody   int
		want      cause
	}{{true, 99, causeBurst}, {true, 100, causeBody}, {false, 99, causeBody}} {
		h := &Handler{options: Options{MaxBody: 100}}
		if got := h.causeOf(&admission{isLimited: tt.isLimited, maxBody: tt.maxBody}, exchange.BodyTooLarge(tt.maxBody)); got != tt.want {
			t.Errorf("%+v: got the cause %q", tt, causes[got].reason)
		}
	}
}

func TestClaimsSetLimits(t *testing.T) {
	all := &auth.Grant{Limits: auth.Limits{Rate: 1, Burst: 1, MaxSeries: 1}}
	f := func(grant *auth.Grant, c cause, want string) {
		t.Helper()
		a := admission{grant: grant}
		kind := a.kind(c, "requests")
		if got, isClaim := strings.CutPrefix(kind.Option, "claim "); isClaim != (want != "") || isClaim && got != want || kind.Reason != causes[c].reason || kind.Message != "requests rejected" {
			t.Errorf("%+v: the kind of %q is %+v", grant, causes[c].reason, kind)
		}
	}
	for c := range numCauses {
		want := map[cause]string{causeRate: "rate", causeBurst: "burst", causeSeries: "max_series"}[c]
		f(all, c, want)
		f(nil, c, "")
		f(new(auth.Grant), c, "")
		kind := new(admission).kind(c, "requests")
		if isWarning := kind.Level.String() == "WARN"; isWarning != (causes[c].option != "" && c != causeOrigin && c != causeSlow) {
			t.Errorf("%q is a warning: %v", causes[c].reason, isWarning)
		}
	}
}

func TestRatesOfTokens(t *testing.T) {
	f := func(perSecond float64, burst int, grant *auth.Grant, want limit.Rate, wantLimited bool) {
		t.Helper()
		h := &Handler{options: Options{RateLimit: perSecond, RateBurst: burst}}
		if perSecond > 0 {
			h.rate = limit.NewRate(perSecond, burst)
		}
		if got, isLimited := h.rateOf(grant); got != want || isLimited != wantLimited {
			t.Errorf("options %v, %d and the grant %+v: got %+v, %v, want %+v, %v", perSecond, burst, grant, got, isLimited, want, wantLimited)
		}
	}
	none := limit.Rate{}
	f(0, 0, nil, none, false)
	f(0, 0, &auth.Grant{}, none, false)
	f(0, 0, &auth.Grant{Limits: auth.Limits{Burst: 5}}, none, false)
	f(0, 0, &auth.Grant{Limits: auth.Limits{Rate: 2}}, limit.NewRate(2, 0), true)
	f(0, 0, &auth.Grant{Limits: auth.Limits{Rate: 2, Burst: 5}}, limit.NewRate(2, 5), true)
	f(7, 9, nil, limit.NewRate(7, 9), true)
	f(7, 9, &auth.Grant{}, limit.NewRate(7, 9), true)
	f(7, 9, &auth.Grant{Limits: auth.Limits{Burst: 5}}, limit.NewRate(7, 5), true)
	f(7, 9, &auth.Grant{Limits: auth.Limits{Rate: 2}}, limit.NewRate(2, 9), true)
	f(7, 9, &auth.Grant{Limits: auth.Limits{Rate: 2, Burst: 5}}, limit.NewRate(2, 5), true)
}

func TestBurstPaysForABody(t *testing.T) {
	for burst, want := range map[int]int{1: 8191, 3: 16383, math.MaxInt/bytesPerToken - 1: math.MaxInt/bytesPerToken*bytesPerToken - 1, math.MaxInt / bytesPerToken: math.MaxInt} {
		rate := limit.NewRate(1, burst)
		if got := maxBodyOf(&rate); got != want {
			t.Errorf("a burst of %d pays for %d bytes, want %d", burst, got, want)
		}
	}
}

func TestAllowedMethods(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "post"} {
		q := exchange.Request{Head: []byte(method), Method: exchange.Span{End: uint16(len(method))}}
		for _, r := range []route{{methods: "POST"}, {methods: "POST, PUT", isBatch: true}, {methods: "GET, HEAD", isHeartbeat: true}} {
			want := false
			for allowed := range strings.SplitSeq(r.methods, ", ") {
				want = want || allowed == method
			}
			if got := r.allows(&q); got != want {
				t.Errorf("%s with the methods %s is allowed: %v", method, r.methods, got)
			}
		}
	}
	if herr := methodNotAllowed([]byte("X"), "POST"); herr.Status != http.StatusMethodNotAllowed || herr.Header != "Allow" || herr.Value != "POST" {
		t.Errorf("got %+v", herr)
	}
}
