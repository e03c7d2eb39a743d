//go:build !race

package transport

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// BenchmarkHTTP2 measures requests with one metric over 100 streams of a connection, with the
// client's part. A handler of net/http that only reads the body gets the same requests.
func BenchmarkHTTP2(b *testing.B) {
	r := benchRequests[0]
	s := newBenchServer(b)
	certificate := httptest.NewTLSServer(nil).TLS.Certificates[0]
	s.options.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil }
	b.Run("proxy", func(b *testing.B) { streams(b, s.Serve, r.target, r.body) })
	bare := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
		Handler:   http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }),
	}
	b.Run("bare", func(b *testing.B) {
		streams(b, func(l net.Listener) error { return bare.ServeTLS(l, "", "") }, r.target, r.body)
	})
}

// streams sends the same request again and again, on up to 100 streams at once.
func streams(b *testing.B, serve func(net.Listener) error, target, body string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = serve(listener) }()
	defer listener.Close()
	c, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	var out bytes.Buffer
	framer := http2.NewFramer(&out, c)
	framer.SetReuseFrames()
	out.WriteString(http2.ClientPreface)
	_ = framer.WriteSettings()
	_ = framer.WriteWindowUpdate(0, 1<<30)
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	var id uint32 = 1
	send := func(n int) {
		for range n {
			head.Reset()
			for _, f := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":path", target}, {":authority", "h"},
				{"content-type", "application/json"}, {"origin", "https://shop.example"}} {
				_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
			}
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head.Bytes(), EndHeaders: true})
			_ = framer.WriteData(id, true, []byte(body))
			id += 2
		}
		if _, err := c.Write(out.Bytes()); err != nil {
			b.Fatal(err)
		}
		out.Reset()
	}
	b.ReportAllocs()
	b.ResetTimer()
	sent, open := 0, 0
	for done := 0; done < b.N; {
		if more := min(100-open, b.N-sent); more > 0 && open < 60 {
			send(more)
			open, sent = open+more, sent+more
		}
		f, err := framer.ReadFrame()
		if err != nil {
			b.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			b.Fatal(f)
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		}
		if f.Header().Flags.Has(http2.FlagHeadersEndStream) && (f.Header().Type == http2.FrameHeaders || f.Header().Type == http2.FrameData) {
			open, done = open-1, done+1
		}
	}
}
