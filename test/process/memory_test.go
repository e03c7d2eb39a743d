package process

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// dialMany opens connections to the proxy. The test closes them at its end.
func dialMany(t *testing.T, p *testutil.Proxy, count int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, count)
	for i := range conns {
		conn, err := net.Dial("tcp", p.Address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(testutil.Patience)); err != nil {
			t.Fatal(err)
		}
		conns[i] = conn
	}
	return conns
}

// Each connection has carried one request, like that of a browser that stays on a page. The
// goroutine of a connection keeps the stack that its largest request needed.
func TestIdleConnectionsTakeLittleMemory(t *testing.T) {
	const count, limit = 2000, 8 << 10 // bytes each
	for name, request := range map[string][2]string{
		"form":          {"/count/k", "value=1"},
		"form, tags":    {"/count/k", "value=1&tags=env=prod,locale=en-us"},
		"json, tags":    {"/count/k", `{"value":1,"tags":{"env":"prod","locale":"en-us"}}`},
		"batch":         {"/batch", "k,env=prod,locale=en-us:1|c\n"},
		"batch in json": {"/batch", `[{"metric":"k","metric_type":"count","value":1,"tags":"env=prod,locale=en-us"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := testutil.StartMeasuredProxy(t, "--http-timeout-idle=60", "--http-timeout-read=60")
			target, body := request[0], request[1]
			for range 100 { // so that the program has the memory that it takes without connections
				proxy.MustSend(t, "/count/warm", "value=1")
			}
			before := proxy.Memory(t, testutil.ResidentMemory)
			text := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: proxy\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body)
			answer := make([]byte, 1024)
			for _, conn := range dialMany(t, proxy, count) {
				if _, err := io.WriteString(conn, text); err != nil {
					t.Fatal(err)
				}
				if n, err := conn.Read(answer); err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 ")) {
					t.Fatalf("got %q, %v, want 200", answer[:n], err)
				}
			}
			each := (proxy.Memory(t, testutil.ResidentMemory) - before) / count
			t.Logf("an idle connection takes %d bytes", each)
			if each > limit {
				t.Errorf("an idle connection takes %d bytes, want at most %d", each, limit)
			}
			proxy.MustSend(t, "/count/warm", "value=1")
		})
	}
}

// The same over TLS.
func TestIdleTLSConnectionsTakeLittleMemory(t *testing.T) {
	const count = 3000     // so many that what else the program takes does not matter
	const limit = 16 << 10 // bytes of memory of each connection
	admin := "127.0.0.1:" + testutil.FreePort(t)
	proxy := testutil.StartMeasuredSecureProxy(t, "--http-timeout-idle=600", "--http-timeout-read=600", "--tls-timeout-handshake=60",
		"--admin-listen="+admin)
	use := func(conn net.Conn) {
		t.Helper()
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		if _, err := io.WriteString(secure, "POST /count/k HTTP/1.1\r\nHost: proxy\r\nContent-Length: 7\r\n\r\nvalue=1"); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 1024)
		if n, err := secure.Read(answer); err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 ")) {
			t.Fatalf("got %q, %v, want 200", answer[:n], err)
		}
	}
	for _, conn := range dialMany(t, proxy, 100) { // as above
		use(conn)
		conn.Close()
	}
	before := proxy.SettledMemory(t, admin)
	for _, conn := range dialMany(t, proxy, count) {
		use(conn)
	}
	each := (proxy.SettledMemory(t, admin) - before) / count
	t.Logf("an idle TLS connection takes %d bytes", each)
	if each > limit {
		t.Errorf("an idle TLS connection takes %d bytes, want at most %d", each, limit)
	}
}

// 20 clients send bodies that are larger than allowed.
func TestLargeBodiesTakeLittleMemory(t *testing.T) {
	const clients, rounds, size, limit = 20, 3, 100 << 20, 50 << 20
	proxy := testutil.StartMeasuredProxy(t, "--http-timeout-read=20") // for a busy machine
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(w, zeros{}, size); err != nil {
		t.Fatal(err)
	}
	w.Close()
	for name, header := range map[string]http.Header{
		"declared": {}, "chunks": {}, "bomb": {"Content-Encoding": {"gzip"}},
	} {
		var running sync.WaitGroup
		for range clients {
			running.Go(func() {
				for range rounds {
					var body io.Reader = io.LimitReader(zeros{}, size)
					request, err := http.NewRequest(http.MethodPost, proxy.URL+"/batch", body)
					if err != nil {
						t.Error(err)
						return
					}
					request.Header = header
					switch name {
					case "declared":
						request.ContentLength = size
					case "bomb":
						request.Body = io.NopCloser(bytes.NewReader(bomb.Bytes()))
						request.ContentLength = int64(bomb.Len())
					}
					response, err := proxy.Client.Do(request)
					if err != nil {
						continue // the proxy has closed the connection while the client was sending
					}
					response.Body.Close()
					if response.StatusCode != http.StatusRequestEntityTooLarge {
						t.Errorf("%s: got %s, want 413", name, response.Status)
					}
				}
			})
		}
		running.Wait()
		proxy.MustSend(t, "/count/k", "value=1")
		peak := proxy.Memory(t, testutil.PeakMemory)
		t.Logf("after %s: at most %d KiB", name, peak>>10)
		if peak > limit {
			t.Errorf("after %s: the proxy took %d bytes at its peak, want at most %d", name, peak, limit)
		}
	}
}

// zeros is an endless reader of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
