package transport_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"statsd-http-proxy/internal/proxytest"
)

func TestBodyMayBeAsLargeAsTheLimit(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.MaxBody = 30_000 })
	body := `{"value":1` + strings.Repeat(" ", 30_000-11) + "}"
	p.Forwards("at the limit", p.Do("POST", "/count/k", body), "k:1|c")
	p.Rejects("above the limit", p.Do("POST", "/count/k", body+" "), 413, "30000 bytes")
	p.Forwards("expecting", sendAfterContinue(p, body), "k:1|c")
}

// TestSmallBodiesAreRead sends bodies of few bytes, with and without a request behind them.
func TestSmallBodiesAreRead(t *testing.T) {
	p := proxytest.Start(t)
	p.Rejects("one byte", p.Do("POST", "/count/k", "x"), 400, `unknown parameter "x"`)
	p.Rejects("two bytes", p.Do("POST", "/count/k", "xy"), 400, `unknown parameter "xy"`)
	conn := p.Dial()
	reader := bufio.NewReader(conn)
	for range 2 {
		fmt.Fprint(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n&POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
		a, b := p.Read(reader, "POST"), p.Read(reader, "POST")
		p.Forwards("one byte and a request behind it", a, waitFor(p, 2, []string{"k:0|c", "k:0|c"})...)
		if b.Status != 200 {
			t.Errorf("the request behind it: got %d %s", b.Status, b.Body)
		}
	}
}

// sendAfterContinue sends a body only after 100 Continue, as curl does.
func sendAfterContinue(p *proxytest.Proxy, body string) proxytest.Response {
	p.T.Helper()
	conn := p.Dial()
	fmt.Fprintf(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body))
	reader := bufio.NewReader(conn)
	if a := p.Read(reader, "POST"); a.Status != 100 {
		p.T.Fatalf("got %d, want 100", a.Status)
	}
	if _, err := conn.Write([]byte(body)); err != nil {
		p.T.Fatal(err)
	}
	return p.Read(reader, "POST")
}

// TestBodiesShareABudget sends bodies while no memory for them is left. A body that fits
// into the buffer of its connection needs none.
func TestBodiesShareABudget(t *testing.T) {
	p := proxytest.Start(t)
	large := "value=1" + strings.Repeat("\n", 20_000)
	chunked := fmt.Sprintf("POST /count/k HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(large), large)
	release := p.ReserveBodies()
	for what, a := range map[string]proxytest.Response{"a large body": p.Do("POST", "/count/k", large), "chunks": p.Raw("POST", chunked)} {
		p.Rejects(what, a, 503, "too many large bodies")
		if got := a.Header.Get("Retry-After"); got != "1" || !a.Closes {
			t.Errorf("%s: Retry-After is %q, closes: %v", what, got, a.Closes)
		}
	}
	p.Forwards("a small body", p.Do("POST", "/count/k", "value=1"), "k:1|c")
	release()
	p.Forwards("a large body", p.Do("POST", "/count/k", large), "k:1|c")
	p.Forwards("chunks", p.Raw("POST", chunked), "k:1|c")
	if n := p.BodyBytes(); n != 0 {
		t.Errorf("%d bytes are reserved without a body", n)
	}
}

func TestHeadMayTake16KiB(t *testing.T) {
	p := proxytest.Start(t)
	const head = "POST /count/k?token=%s HTTP/1.1\r\nHost: h\r\nX: %s\r\n\r\n"
	room := 16<<10 - len(fmt.Sprintf(head, "", ""))
	pad := func(n int) string { return strings.Repeat("x", n) }
	p.Forwards("long headers", p.Raw("POST", fmt.Sprintf(head, "", pad(room))), "k:0|c")
	p.Forwards("long URL", p.Raw("POST", fmt.Sprintf(head, pad(room), "")), "k:0|c")
	p.Rejects("headers too long", p.Raw("POST", fmt.Sprintf(head, "", pad(room+1))), 431, "16 KiB")
	p.Rejects("headers far too long", p.Raw("POST", fmt.Sprintf(head, "", pad(1<<20))), 431, "16 KiB")
	p.Rejects("URL too long", p.Raw("POST", fmt.Sprintf(head, pad(16<<10), "")), 414, "16 KiB")
	p.Rejects("URL far too long", p.Raw("POST", fmt.Sprintf(head, pad(1<<20), "")), 414, "16 KiB")

	// The same on a connection that was used before.
	conn := p.Dial()
	if _, err := conn.Write([]byte(fmt.Sprintf(head, "", ""))); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	p.Forwards("first", p.Read(reader, "POST"), "k:0|c")
	go conn.Write([]byte(fmt.Sprintf(head, pad(1<<20), "")))
	p.Rejects("second", p.Read(reader, "POST"), 414, "16 KiB")
}

func TestMalformedHTTPIsRejected(t *testing.T) {
	p := proxytest.Start(t)
	for _, request := range []string{ // see also TestAttacks
		"nonsense\r\n\r\n",
		"POST /count/k\r\n\r\n",
		"POST /count/k HTTP/1.1\r\n\r\n", // no host
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"POST /count/a b HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /count/a\x00b HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST count/k HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		p.Rejects(request, p.Raw("POST", request), 400, "not well-formed HTTP")
	}
}

func TestMalformedHeadRequestGetsNoBody(t *testing.T) {
	p := proxytest.Start(t)
	for _, request := range []string{
		"HEAD /heartbeat HTTP/1.1\r\n\r\n",
		"HEAD heartbeat HTTP/1.1\r\nHost: h\r\n\r\n",
		"HEAD /heartbeat HTTP/9.9\r\nHost: h\r\n\r\n",
		"\r\nHEAD /heartbeat HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n",
		"HEAD /" + strings.Repeat("x", 17<<10),
		"HEAD /heartbeat HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
	} {
		conn := p.Dial()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(conn)
		_, body, ok := strings.Cut(string(text), "\r\n\r\n")
		if err != nil || !ok || body != "" || !strings.HasPrefix(string(text), "HTTP/1.1 4") && !strings.HasPrefix(string(text), "HTTP/1.1 5") {
			t.Errorf("%.80q: got %q, %v, want an error without a body", request, text, err)
		}
	}
}

func TestLaterVersionsOfHTTP1AreServed(t *testing.T) {
	p := proxytest.Start(t)
	a := p.Raw("POST", "POST /count/k HTTP/1.2\r\nHost: h\r\n\r\n")
	p.Forwards("HTTP/1.2", a, "k:0|c")
	if a.Closes {
		t.Error("the connection closes, want that it stays open as in HTTP/1.1")
	}
}
