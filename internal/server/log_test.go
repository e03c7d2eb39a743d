package server

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/time/rate"
)

// logAll lifts the limit on how many refusals are logged.
func (p *proxy) logAll() { p.refusals.limiter.SetLimit(rate.Inf) }

func TestLogLinesCannotBeForged(t *testing.T) {
	p := start(t)
	p.logAll()
	const forged = "time=2030-01-01T00:00:00Z level=ERROR msg=forged"
	f := func(what string, a answer) {
		t.Helper()
		if a.status < 400 {
			t.Errorf("%s: status %d", what, a.status)
		}
	}
	for _, feed := range []string{"\n", "\r", "\r\n", "\u2028", "\u0085", "\x1b[2K\r", "\x00", "%0A", `\n`} {
		line := feed + forged
		f("target", p.raw("POST", "POST /count/a"+line+" HTTP/1.1\r\nHost: h\r\n\r\n"))
		f("target without blanks", p.raw("POST", "POST /none/a"+strings.ReplaceAll(line, " ", "\u00a0")+" HTTP/1.1\r\nHost: h\r\n\r\n"))
		f("method", p.raw("POST", "PO"+line+" /count/a HTTP/1.1\r\nHost: h\r\n\r\n"))
		f("content type", p.do("POST", "/count/a", "x", "Content-Type: text/x"+line))
		f("content encoding", p.do("POST", "/count/a", "x", "Content-Encoding: x"+line))
		f("origin", p.do("POST", "/none/a", "x", "Origin: x"+line))
		f("parameter", p.do("POST", "/count/a", `{"`+line+`": 1}`))
		f("value", p.do("POST", "/count/a", "value=x"+line))
		f("batch", p.do("POST", "/batch", "a:1|x"+line))
	}
	p.sink.take()
	for line := range strings.Lines(p.log.String()) {
		rest, _ := strings.CutPrefix(line, "time=")
		if !strings.Contains(rest[:min(60, len(rest))], "level=DEBUG msg=") || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\n\r\x1b\x00\u0085\u2028") {
			t.Errorf("the log has the line %q", line)
		}
	}
}

func TestLogsAndAnswersHoldNoToken(t *testing.T) {
	p := start(t, withTokens)
	p.logAll()
	good := token(t, nil)
	bad := good[:len(good)-4] + "AAAA"
	head := func(token string) string {
		return "POST /count/k?token=" + token + " HTTP/1.1\r\nHost: h\r\nX-JWT-Token: " + token + "\r\nAuthorization: Bearer " + token + "\r\n"
	}
	answers := ""
	f := func(status int, a answer) {
		t.Helper()
		if a.status != status {
			t.Errorf("status %d, want %d: %s", a.status, status, a.body)
		}
		answers += a.body
	}
	for _, a := range attacks {
		if text, ok := strings.CutPrefix(a.bytes, "POST /count/k HTTP/1.1\r\nHost: h\r\n"); ok {
			f(a.status, p.raw("POST", head(good)+text+"\r\n\r\n"))
		}
	}
	f(403, p.raw("POST", head(bad)+"\r\n"))
	f(400, p.raw("POST", head(good)+"Content-Length: 1\r\n\r\nx"))
	f(400, p.raw("POST", strings.Replace(head(good), "HTTP/1.1", "HTTP/9.9", 1)+"\r\n"))
	f(400, p.raw("POST", strings.Replace(head(good), "X-JWT-Token:", "X-JWT-Token :", 1)+"\r\n"))
	f(400, p.raw("POST", strings.Replace(head(good), "Bearer ", "Bearer \x00", 1)+"\r\n"))
	f(400, p.raw("POST", strings.Replace(head(good), "/count/k?", "/count/%00?", 1)+"\r\n"))
	f(404, p.raw("POST", strings.Replace(head(good), "/count/k?", "/none/k?", 1)+"\r\n"))
	f(405, p.raw("PUT", strings.Replace(head(good), "POST", "PUT", 1)+"\r\n"))
	f(431, p.raw("POST", head(good)+"X: "+strings.Repeat("x", 17<<10)+"\r\n\r\n"))
	for part := range strings.SplitSeq(good+"."+secret, ".") {
		if strings.Contains(p.log.String(), part) || strings.Contains(answers, part) {
			t.Errorf("the log or an answer has %q, a part of the token or its secret", part)
		}
	}
}

func TestFloodOfRefusalsIsLoggedInPart(t *testing.T) {
	p := start(t)
	const flood = 2000
	conn := p.dial()
	go fmt.Fprint(conn, strings.Repeat("POST /none/k HTTP/1.1\r\nHost: h\r\n\r\n", flood))
	for reader, i := newReader(conn), 0; i < flood; i++ {
		p.refuses("flood", p.read(reader, "POST"), 404, "unknown metric type")
	}
	if a := p.do("POST", "/batch", strings.Repeat("bad\n", 20)+"k:1|c"); a.status != 200 {
		t.Errorf("batch: status %d", a.status)
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	logged, leftOut := 0, 0
	for line := range strings.Lines(p.log.String()) {
		var n int
		_, text, _ := strings.Cut(line, "msg=")
		if _, err := fmt.Sscanf(text, `"left out refusals" count=%d`, &n); err == nil {
			leftOut += n
		} else if strings.HasPrefix(text, "ref") || strings.HasPrefix(text, "rej") {
			logged++
		}
	}
	if most := refusalsAtOnce + refusalsPerSecond*int(deadline.Seconds()); logged > most || logged+leftOut != flood+20 {
		t.Errorf("%d refusals are logged and %d left out, want %d in all and at most %d logged", logged, leftOut, flood+20, most)
	}
	if !strings.Contains(p.log.String(), "msg=forwarded line=k:1|c") {
		t.Error("a forwarded line is left out")
	}
}

func TestRefusalLimit(t *testing.T) {
	var log strings.Builder
	l := newRefusalLimit(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	l.limiter.SetLimit(0) // none but the first ones
	allowed := 0
	for range 1000 {
		if l.allow() {
			allowed++
		}
	}
	if allowed != refusalsAtOnce || log.Len() > 0 {
		t.Errorf("%d were allowed, want %d; the log: %s", allowed, refusalsAtOnce, &log)
	}
	l.limiter.SetLimit(rate.Inf)
	if !l.allow() || !strings.Contains(log.String(), "count=950") {
		t.Errorf("the log does not tell of 950 refusals: %s", &log)
	}
	l.flush()
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the log tells of them twice: %s", &log)
	}
}
