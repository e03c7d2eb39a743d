package ingest_test

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/proxytest"
)

func TestLogLinesCannotBeForged(t *testing.T) {
	p := proxytest.Start(t)
	p.Handler.LogAll()
	const forged = "time=2030-01-01T00:00:00Z level=ERROR msg=forged"
	f := func(what string, a proxytest.Response) {
		t.Helper()
		if a.Status < 400 {
			t.Errorf("%s: status %d", what, a.Status)
		}
	}
	for _, feed := range []string{"\n", "\r", "\r\n", "\u2028", "\u0085", "\x1b[2K\r", "\x00", "%0A", `\n`} {
		line := feed + forged
		f("target", p.Raw("POST", "POST /count/a"+line+" HTTP/1.1\r\nHost: h\r\n\r\n"))
		f("target without blanks", p.Raw("POST", "POST /none/a"+strings.ReplaceAll(line, " ", "\u00a0")+" HTTP/1.1\r\nHost: h\r\n\r\n"))
		f("method", p.Raw("POST", "PO"+line+" /count/a HTTP/1.1\r\nHost: h\r\n\r\n"))
		f("content type", p.Do("POST", "/count/a", "x", "Content-Type: text/x"+line))
		f("content encoding", p.Do("POST", "/count/a", "x", "Content-Encoding: x"+line))
		f("origin", p.Do("POST", "/none/a", "x", "Origin: x"+line))
		f("parameter", p.Do("POST", "/count/a", `{"`+line+`": 1}`))
		f("value", p.Do("POST", "/count/a", "value=x"+line))
		f("batch", p.Do("POST", "/batch", "a:1|x"+line))
	}
	p.Sink.Take()
	for line := range strings.Lines(p.Log.String()) {
		rest, _ := strings.CutPrefix(line, "time=")
		_, level, _ := strings.Cut(rest[:min(60, len(rest))], " level=")
		level, _, _ = strings.Cut(level, " msg=")
		if !slices.Contains([]string{"DEBUG", "INFO", "WARN"}, level) || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\n\r\x1b\x00\u0085\u2028") {
			t.Errorf("the log has the line %q", line)
		}
	}
}

func TestLogsAndResponsesHoldNoToken(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens)
	p.Handler.LogAll()
	good := proxytest.Token(t, nil)
	bad := good[:len(good)-4] + "AAAA"
	head := func(token string) string {
		return "POST /count/k?token=" + token + " HTTP/1.1\r\nHost: h\r\nX-JWT-Token: " + token + "\r\nAuthorization: Bearer " + token + "\r\n"
	}
	answers := ""
	f := func(status int, a proxytest.Response) {
		t.Helper()
		if a.Status != status {
			t.Errorf("status %d, want %d: %s", a.Status, status, a.Body)
		}
		answers += a.Body
	}
	for _, a := range proxytest.Attacks {
		if text, ok := strings.CutPrefix(a.Bytes, "POST /count/k HTTP/1.1\r\nHost: h\r\n"); ok {
			f(a.Status, p.Raw("POST", head(good)+text+"\r\n\r\n"))
		}
	}
	f(403, p.Raw("POST", head(bad)+"\r\n"))
	f(400, p.Raw("POST", head(good)+"Content-Length: 1\r\n\r\nx"))
	f(505, p.Raw("POST", strings.Replace(head(good), "HTTP/1.1", "HTTP/9.9", 1)+"\r\n"))
	f(400, p.Raw("POST", strings.Replace(head(good), "X-JWT-Token:", "X-JWT-Token :", 1)+"\r\n"))
	f(400, p.Raw("POST", strings.Replace(head(good), "Bearer ", "Bearer \x00", 1)+"\r\n"))
	f(400, p.Raw("POST", strings.Replace(head(good), "/count/k?", "/count/%00?", 1)+"\r\n"))
	f(404, p.Raw("POST", strings.Replace(head(good), "/count/k?", "/none/k?", 1)+"\r\n"))
	f(405, p.Raw("PUT", strings.Replace(head(good), "POST", "PUT", 1)+"\r\n"))
	f(431, p.Raw("POST", head(good)+"X: "+strings.Repeat("x", 17<<10)+"\r\n\r\n"))
	for part := range strings.SplitSeq(good+"."+proxytest.Secret, ".") {
		if strings.Contains(p.Log.String(), part) || strings.Contains(answers, part) {
			t.Errorf("the log or a response has %q, a part of the token or its secret", part)
		}
	}
}

func TestFloodOfRejectionsIsLoggedInPart(t *testing.T) {
	p := proxytest.Start(t)
	const flood = 2000
	conn := p.Dial()
	go fmt.Fprint(conn, strings.Repeat("POST /none/k HTTP/1.1\r\nHost: h\r\n\r\n", flood))
	for reader, i := bufio.NewReader(conn), 0; i < flood; i++ {
		p.Rejects("flood", p.Read(reader, "POST"), 404, "unknown metric type")
	}
	if a := p.Do("POST", "/batch", strings.Repeat("bad\n", 20)+"k:1|c"); a.Status != 200 {
		t.Errorf("batch: status %d", a.Status)
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	logged, leftOut := 0, 0
	for line := range strings.Lines(p.Log.String()) {
		var n int
		_, text, _ := strings.Cut(line, "msg=")
		if _, err := fmt.Sscanf(text, `"rejections left out of the log" count=%d`, &n); err == nil {
			leftOut += n
		} else if strings.HasPrefix(text, `"request rejected"`) || strings.HasPrefix(text, `"entry rejected"`) {
			logged++
		}
	}
	if most := ingest.RejectionsBurst + ingest.RejectionsPerSecond*int(proxytest.Timeout.Seconds()); logged > most || logged+leftOut != flood+20 {
		t.Errorf("%d rejections are logged and %d left out, want %d in all and at most %d logged", logged, leftOut, flood+20, most)
	}
	if !strings.Contains(p.Log.String(), "msg=forwarded line=k:1|c") {
		t.Error("a forwarded line is not logged")
	}
}

func TestFloodOfLinesIsLoggedInPart(t *testing.T) {
	p := proxytest.Start(t)
	const flood = 20_000
	if a := p.Do("POST", "/batch", strings.Repeat("k:1|c\n", flood)); a.Status != 200 || len(p.Sink.Take()) != flood {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	logged, leftOut := 0, 0
	for line := range strings.Lines(p.Log.String()) {
		var n int
		_, text, _ := strings.Cut(line, "msg=")
		if _, err := fmt.Sscanf(text, `"forwarded lines left out of the log" count=%d`, &n); err == nil {
			leftOut += n
		} else if text == "forwarded line=k:1|c\n" {
			logged++
		}
	}
	if most := ingest.ForwardedBurst + ingest.ForwardedPerSecond*int(proxytest.Timeout.Seconds()); logged < ingest.ForwardedBurst || logged > most || logged+leftOut != flood {
		t.Errorf("%d lines are logged and %d left out, want %d in all and at most %d logged", logged, leftOut, flood, most)
	}
}

func TestLogShowsLinesAndRejectionsButNoToken(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens)
	good := proxytest.Token(t, nil)
	p.Forwards("good", p.Do("POST", "/gauge/k?token="+good, "value=-1"), "k:0|g\nk:-1|g")
	p.Rejects("bad", p.Do("POST", "/count/a%0Alevel=ERROR?token="+good, "value=1"), 400, "control")
	p.Rejects("bad token", p.Do("POST", "/count/k", "value=1", "X-JWT-Token: "+good+"x"), 403, "signature")
	p.Rejects("malformed", p.Raw("POST", "POST /count/k?token="+good+" HTTP/9\r\nX-JWT-Token: "+good+"\r\n\r\n"), 400, "well-formed")
	p.Rejects("long", p.Do("POST", "/count/"+strings.Repeat("n", 5000), "value=1"), 401, "missing")
	p.Do("POST", "/batch", "a:1|c\nb:x|c", "X-JWT-Token: "+good)
	log := p.Log.String()
	for _, want := range []string{"msg=forwarded line=k:0|g", "msg=forwarded line=k:-1|g", `msg="request rejected" status=400`, `method=POST path="/count/a%0Alevel=ERROR"`,
		`msg="entry rejected" index=1 error="parameter \"value\": \"x\" is not a number" client=127.0.0.1`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s:\n%s", want, log)
		}
	}
	for part := range strings.SplitSeq(good, ".") {
		if strings.Contains(log, part) {
			t.Errorf("the log has a part of the token:\n%s", log)
		}
	}
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "time=") || len(line) > 1000 {
			t.Errorf("the log has the line %q", line)
		}
		if strings.Contains(line, `msg="request rejected"`) && !strings.Contains(line, "client=127.0.0.1") {
			t.Errorf("the line %q does not name the client", line)
		}
	}
}
