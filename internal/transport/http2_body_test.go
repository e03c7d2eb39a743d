package transport_test

import (
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/proxytest"
)

func TestBodyOverHTTP2IsLimited(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) { o.MaxBody = 300_000 })
	c := p.DialHTTP2()
	body := `{"value":1` + strings.Repeat(" ", 300_000-11) + "}"
	f := func(body string, headers ...string) proxytest.Response {
		t.Helper()
		id := c.Open("POST", "/count/k", false, headers...)
		c.Send(id, body, true)
		return c.Response(id)
	}
	p.Forwards("declared", c.Do("POST", "/count/k", body), "k:1|c")
	p.Forwards("not declared", f(body), "k:1|c")
	p.Rejects("declared, above the limit", c.Do("POST", "/count/k", body+" "), 413, "300000 bytes")
	p.Rejects("not declared, above the limit", f(body+" "), 413, "300000 bytes")
	p.Rejects("far above the limit", f(strings.Repeat("x", 2<<20)), 413, "300000 bytes")
	for _, declared := range []string{"x", "+7", "7, 7", "-1", "7 7"} {
		p.Rejects("length "+declared, c.Response(c.Open("POST", "/count/k", true, "content-length", declared)), 400, "Content-Length")
	}
	p.Rejects("two lengths", c.Response(c.Open("POST", "/count/k", true, "content-length", "7", "content-length", "8")), 400, "Content-Length")
	p.Rejects("shorter than declared", f("value=1", "content-length", "8"), 400, "ends before its body")
	if a := f("value=1", "content-length", "6"); a.Status == 200 {
		t.Error("a body that is longer than declared is accepted")
	}
	p.Sink.Take()
	p.Forwards("the connection goes on", c.Do("POST", "/count/k", "value=1"), "k:1|c")
	c.Check(c.Framer.WriteData(c.Open("POST", "/count/k", false), true, []byte("value=1")))
	p.Forwards("a body at once", c.Response(c.NextID-2), "k:1|c")
	if reserved := p.BodyBytes(); reserved != 0 {
		t.Errorf("%d bytes are reserved without a body", reserved)
	}
}

// TestLargeBodiesOverHTTP2ShareABudget sends large bodies without their ends until one is
// rejected.
func TestLargeBodiesOverHTTP2ShareABudget(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) { o.ReadTimeout = time.Minute })
	part := strings.Repeat("&", 700<<10)
	var clients []*proxytest.HTTP2Client
	rejected := 0
	for rejected == 0 {
		if len(clients) > maxBodies>>20+1 {
			t.Fatalf("%d bodies have reserved %d bytes", len(clients), p.BodyBytes())
		}
		c := p.DialHTTP2()
		clients = append(clients, c)
		id := c.Open("POST", "/count/k", false)
		before := p.BodyBytes()
		c.Send(id, part, false)
		proxytest.Poll(t, func() bool {
			// The proxy has read the part, or has rejected the body.
			return p.BodyBytes() >= before+int64(len(part)) || hasLogged(p, "too many large bodies")
		})
		if hasLogged(p, "too many large bodies") {
			p.Rejects("beyond the limit", c.Response(id), 503, "too many large bodies")
			rejected++
		}
		if reserved := p.BodyBytes(); reserved > maxBodies {
			t.Errorf("bodies have reserved %d bytes, want %d at most", reserved, maxBodies)
		}
	}
	p.Forwards("a small one", p.DialHTTP2().Do("POST", "/count/k", "value=1"), "k:1|c")
	for _, c := range clients {
		c.Conn.Close()
	}
	proxytest.Poll(t, func() bool { return p.BodyBytes() == 0 })
}

// hasLogged reports whether the log contains message.
func hasLogged(p *proxytest.Proxy, message string) bool {
	return strings.Contains(p.Log.String(), message)
}
