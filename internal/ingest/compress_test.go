package ingest_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"testing"

	"statsd-http-proxy/internal/proxytest"
)

// compress returns text in the content coding of open.
func compress(t *testing.T, text string, open func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func openGzip(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
func openZlib(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }

func TestBodiesMayBeCompressed(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.MaxBody = 60_000 })
	for range 2 { // the second time with decompressors from the pool
		for name, open := range map[string]func(io.Writer) io.WriteCloser{"gzip": openGzip, "GZip": openGzip, "x-gzip": openGzip, "deflate": openZlib} {
			header := "Content-Encoding: " + name
			f := func(target, body, want string) {
				t.Helper()
				p.Forwards(name+" "+body, p.Do("POST", target, compress(t, body, open), header), want)
			}
			f("/count/k", "value=5", "k:5|c")
			f("/count/k", `{"value":5}`, "k:5|c")
			f("/count/k?value=7", "", "k:7|c")
			a := p.Do("POST", "/batch", compress(t, "a:1|c\nb:2|c", open), header)
			if sent := p.Sink.Take(); a.Body != `{"accepted":2,"rejected":[]}` || len(sent) != 2 {
				t.Errorf("%s: got %s, sent %q", name, a.Body, sent)
			}

			padded := func(size int) string { return `{"value":1` + strings.Repeat(" ", size-11) + "}" }
			f("/count/k", padded(60_000), "k:1|c")
			p.Rejects("above the limit", p.Do("POST", "/count/k", compress(t, padded(60_001), open), header), 413, "60000 bytes")
			p.Rejects("bomb", p.Do("POST", "/count/k", compress(t, strings.Repeat("x", 2_000_000), open), header), 413, "60000 bytes")

			whole := compress(t, "value=5", open)
			p.Rejects("nonsense", p.Do("POST", "/count/k", "value=5", header), 400, "the body is not valid")
			p.Rejects("cut short", p.Do("POST", "/count/k", whole[:len(whole)-3], header), 400, "the body is not valid")
		}
	}
}

// TestRatioOfACompressedBodyIsLimited sends bodies that unpack to much more than their
// size.
func TestRatioOfACompressedBodyIsLimited(t *testing.T) {
	p := proxytest.Start(t)
	for name, open := range map[string]func(io.Writer) io.WriteCloser{"gzip": openGzip, "deflate": openZlib} {
		post := func(body string) proxytest.Response {
			return p.Do("POST", "/count/k", compress(t, body, open), "Content-Encoding: "+name)
		}
		padded := func(size int) string { return `{"value":1` + strings.Repeat(" ", size-11) + "}" }
		p.Forwards("64 KiB", post(padded(64<<10)), "k:1|c")
		p.Rejects("more than 64 KiB", post(padded(64<<10+1)), 413, "unpacks to more than 64 times its size")
		p.Rejects("1 MiB", post(padded(1<<20)), 413, "unpacks to more than 64 times its size")

		// Lines with different numbers unpack to some 4 times their size.
		var lines strings.Builder
		for i := range 20_000 {
			fmt.Fprintf(&lines, "some.key.%d:%d|c\n", i, i*i)
		}
		a := p.Do("POST", "/batch", compress(t, lines.String(), open), "Content-Encoding: "+name)
		if sent := p.Sink.Take(); a.Status != 200 || len(sent) != 20_000 {
			t.Errorf("%s: got %d %s, and %d lines were sent", name, a.Status, a.Body, len(sent))
		}
	}
}
