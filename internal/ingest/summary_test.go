package ingest_test

import (
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/logsum"
	"statsd-http-proxy/internal/logtest"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/sender"
)

// atDefaultLevel has a proxy log as it does without --verbose. It returns the lines.
func atDefaultLevel(log *logtest.Buffer) func(*proxytest.Options) {
	return func(o *proxytest.Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) }
}

// logTime matches the time of a line.
var logTime = regexp.MustCompile(`(?m)^time=\S+ `)

func TestRejectionsAreLoggedByReason(t *testing.T) {
	f := func(want string, send func(p *proxytest.Proxy), changes ...func(*proxytest.Options)) {
		t.Helper()
		log := new(logtest.Buffer)
		p := proxytest.Start(t, append(changes, atDefaultLevel(log))...)
		send(p)
		if got := logTime.ReplaceAllString(log.String(), ""); got != want+"\n" {
			t.Errorf("got the log\n%swant\n%s\n", got, want)
		}
		p.Handler.FlushLog()
	}
	post := func(target, body string, headers ...string) func(*proxytest.Proxy) {
		return func(p *proxytest.Proxy) { p.Do("POST", target, body, headers...) }
	}
	const requests = `msg="requests rejected" reason=`
	f(`level=INFO `+requests+`"origin not allowed" option=--cors-origins count=1 client=127.0.0.1 example.origin=https://other.example example.route="POST /count/k" example.error="pages of the origin \"https://other.example\" may not send here"`,
		post("/count/k", "value=1", "Origin: https://other.example"),
		func(o *proxytest.Options) { o.Origins, _ = ingest.ParseOrigins("https://shop.example") })
	f(`level=INFO `+requests+`"token missing" count=1 client=127.0.0.1 example.route="POST /count/k" example.error="a token is missing: send one in X-JWT-Token, in Authorization: Bearer or in the query parameter token"`,
		post("/count/k", "value=1"), proxytest.WithTokens)
	f(`level=INFO `+requests+`"bad token" count=1 client=127.0.0.1 example.route="POST /count/k" example.error="the token is expired"`+"\n"+
		`level=INFO `+requests+`"bad token" count=1 client=127.0.0.1 example.route="POST /count/k" example.error="the token is malformed: want three parts with a dot between them"`,
		func(p *proxytest.Proxy) {
			old := proxytest.Token(t, jwt.MapClaims{"exp": 1, "sub": "visitor"})
			p.Do("POST", "/count/k?token="+old, "value=1")
			p.Do("POST", "/count/k", "value=1", "X-JWT-Token: secret-text")
			p.Do("POST", "/count/k", "value=1", "X-JWT-Token: "+old)
		}, proxytest.WithTokens)
	f(`level=INFO `+requests+`"metric not allowed" count=1 sub="customer 4711" example.route="POST /count/k" example.error="the token does not allow the name \"k\""`,
		func(p *proxytest.Proxy) {
			p.Do("POST", "/count/k", "value=1", "X-JWT-Token: "+proxytest.Token(t, jwt.MapClaims{"sub": "customer 4711", "metrics": []string{"web.*"}}))
		}, proxytest.WithTokens)
	f(`level=WARN `+requests+`"rate limit" option=--rate-limit count=1 client=127.0.0.1 example.route="POST /count/k" example.error="you send more metrics a second than you may"`,
		func(p *proxytest.Proxy) {
			for range 3 {
				p.Do("POST", "/count/k", "value=1")
			}
		}, func(o *proxytest.Options) { o.RateLimit, o.RateBurst = 0.001, 1 })
	f(`level=WARN `+requests+`"more than a client may send at once" option=--rate-burst count=1 client=127.0.0.1 example.route="POST /batch" example.error="the batch counts as more than the 2 metrics that you may send at once: send it in parts"`,
		post("/batch", "a:1|c\na:1|c\na:1|c\n"), func(o *proxytest.Options) { o.RateLimit, o.RateBurst = 1000, 2 })
	f(`level=WARN `+requests+`"more than a client may send at once" option=--rate-burst count=1 client=127.0.0.1 example.route="POST /batch" example.error="the body is larger than 12287 bytes"`,
		post("/batch", strings.Repeat(" ", 20_000)), func(o *proxytest.Options) { o.RateLimit, o.RateBurst = 1000, 2 })
	f(`level=WARN `+requests+`"rate limit" option="claim rate" count=1 sub=visitor example.route="POST /count/k" example.error="you send more metrics a second than you may"`+"\n"+
		`level=WARN `+requests+`"too many series" option="claim max_series" count=1 sub=other example.route="POST /count/b" example.error="too many series are in use for the new one of \"b\""`,
		func(p *proxytest.Proxy) {
			token := "X-JWT-Token: " + proxytest.Token(t, jwt.MapClaims{"sub": "visitor", "rate": 0.001, "burst": 1})
			p.Do("POST", "/count/k", "value=1", token)
			p.Do("POST", "/count/k", "value=1", token)
			token = "X-JWT-Token: " + proxytest.Token(t, jwt.MapClaims{"sub": "other", "max_series": 1})
			p.Do("POST", "/count/a", "value=1", token)
			p.Do("POST", "/count/b", "value=1", token)
		}, proxytest.WithTokens)
	f(`level=WARN `+requests+`"body too large" option=--http-max-body count=1 client=127.0.0.1 example.route="POST /count/k" example.error="the body is larger than 10 bytes"`,
		post("/count/k", "value=123456"), func(o *proxytest.Options) { o.MaxBody = 10 })
	f(`level=WARN `+requests+`"too many series" option=--max-series count=1 client=127.0.0.1 example.route="POST /count/b" example.error="too many series are in use for the new one of \"b\""`+"\n"+
		`level=INFO msg="entries of batches rejected" reason="invalid request or metric" count=1 client=127.0.0.1 example.route="POST /batch" example.error="unknown metric type \"x\""`+"\n"+
		`level=WARN msg="entries of batches rejected" reason="too many series" option=--max-series count=2 client=127.0.0.1 example.route="POST /batch" example.error="too many series are in use for the new one of \"c\""`,
		func(p *proxytest.Proxy) {
			p.Do("POST", "/count/a", "value=1")
			p.Do("POST", "/count/b", "value=1")
			p.Do("POST", "/batch", "c:1|c\na:1|x\na:1|c\nd:1|c")
		}, func(o *proxytest.Options) { o.Series = limit.NewSeries(1) })
	f(`level=WARN `+requests+`"too many tag keys" option=--max-tag-keys count=1 client=127.0.0.1 example.route="POST /count/a" example.error="parameter \"tags\": the key \"b\" would be one tag key too many; --max-tag-keys limits them"`,
		post("/count/a", "value=1&tags=a=1,b=2"), func(o *proxytest.Options) { o.TagKeys = limit.NewTagKeys(1) })
	f(`level=WARN `+requests+`"send queue full" option=--statsd-buffer count=1 client=127.0.0.1 example.route="POST /count/a" example.error="the send queue is full"`+"\n"+
		`level=WARN `+requests+`"batch larger than the send queue" option=--statsd-buffer count=1 client=127.0.0.1 example.route="POST /count/a" example.error="the lines are more than the send queue holds: send them in parts"`,
		func(p *proxytest.Proxy) {
			p.Sink.Fail(sender.ErrQueueFull)
			p.Do("POST", "/count/a", "value=1")
			p.Sink.Fail(sender.ErrTooLarge)
			p.Do("POST", "/count/a", "value=1")
		})
	f(`level=INFO `+requests+`"the proxy stops" count=1 client=127.0.0.1 example.route="POST /count/a" example.error="the sender is closed"`,
		func(p *proxytest.Proxy) {
			p.Sink.Fail(sender.ErrClosed)
			p.Do("POST", "/count/a", "value=1")
		})
	// The log blamed the end of the proxy.
	f(`level=INFO `+requests+`"too many large requests" count=1 client=192.0.2.1 example.route="POST /count/a" example.error="too many large bodies arrive at once"`,
		func(p *proxytest.Proxy) {
			x := exchange.Acquire(netip.MustParseAddr("192.0.2.1"))
			defer x.Release()
			if _, herr := new(http1.HeadParser).Parse([]byte("POST /count/a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"), &x.Request); herr != nil {
				t.Fatal(herr)
			}
			if !p.Handler.Begin(x) {
				t.Fatal("the request is rejected by its head")
			}
			x.BodyErr = exchange.Busy("too many large bodies arrive at once")
			p.Handler.Serve(x)
		})
	f(`level=INFO `+requests+`"no such route" count=1 client=127.0.0.1 example.route="GET /`+strings.Repeat("x", 55)+`…" example.error="unknown metric type \"`+strings.Repeat("x", 60)+`\"…; the types are count, gauge, timing and set"`+"\n"+
		`level=INFO `+requests+`"method not allowed" count=1 client=127.0.0.1 example.route="GET /count/k" example.error="method \"GET\" is not allowed here; allowed: POST"`+"\n"+
		`level=INFO `+requests+`"content type not supported" count=1 client=127.0.0.1 example.route="POST /count/k" example.error="content type \"text/css\" is not supported here"`+"\n"+
		`level=INFO `+requests+`"headers too large" count=1 client=127.0.0.1 example.error="the request line and headers are larger than 16 KiB"`+"\n"+
		`level=INFO `+requests+`"invalid request or metric" count=1 client=127.0.0.1 example.route="POST /count/k" example.error="parameter \"value\": \"x\" is not a number"`,
		func(p *proxytest.Proxy) {
			p.Do("GET", "/"+strings.Repeat("x", 100)+"?token=hidden", "")
			p.Do("GET", "/count/k", "")
			p.Do("POST", "/count/k", "value=1", "Content-Type: text/css")
			p.Do("GET", "/", "", "X: "+strings.Repeat("x", exchange.MaxHead))
			p.Do("POST", "/count/k", "value=x")
			p.Do("POST", "/count/k", "value=y")
		})
	f(`level=INFO `+requests+`"no such route" count=1 client=192.0.2.7 example.route="POST /none" example.error="unknown metric type \"none\"; the types are count, gauge, timing and set"`,
		post("/none", "value=1", "X-Forwarded-For: 192.0.2.7"),
		func(o *proxytest.Options) { o.TrustedProxies, _ = limit.ParseTrustedProxies("127.0.0.1") })
}

func TestSumOfRejectionsIsLoggedEachMinuteAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(logtest.Buffer)
		h := ingest.New(ingest.Options{
			MaxBody: 1 << 20,
			Encoder: proxytest.NewEncoder(t, metric.Options{}),
			Sink:    new(proxytest.Sink),
			Logger:  slog.New(slog.NewTextHandler(log, nil)),
		})
		reject := func(times int) {
			for range times {
				x := exchange.Acquire(netip.MustParseAddr("192.0.2.1"))
				x.HeadErr = exchange.BadHost
				h.Begin(x)
				x.Release()
			}
		}
		counts := func() string {
			return strings.Join(regexp.MustCompile(`count=\d+`).FindAllString(log.String(), -1), " ")
		}
		reject(1000)
		if got := counts(); got != "count=1" {
			t.Errorf("at once: got %s, want count=1", got)
		}
		time.Sleep(logsum.Interval)
		synctest.Wait()
		reject(7)
		if got := counts(); got != "count=1 count=999" {
			t.Errorf("after a minute: got %s, want count=1 count=999", got)
		}
		h.FlushLog()
		if got := counts(); got != "count=1 count=999 count=7" {
			t.Errorf("at the end: got %s, want count=1 count=999 count=7", got)
		}
	})
}
