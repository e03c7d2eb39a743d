package test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/test/harness"
)

// memory returns a figure of the kernel's on the memory of the program in
// bytes: VmRSS for what it takes, VmHWM for the most it ever took.
func (p *proxy) memory(t testing.TB, figure string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	harness.Need(t, err == nil, "the system does not tell how much memory a program takes")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, figure+":"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("no %s in %s", figure, status)
	return 0
}

// dialMany opens connections that the test closes.
func (p *proxy) dialMany(t *testing.T, count int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, count)
	for i := range conns {
		conn, err := net.Dial("tcp", p.Address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
			t.Fatal(err)
		}
		conns[i] = conn
	}
	return conns
}

// TestIdleConnectionsTakeLittleMemory: each was used once, as a browser's is
// that stays on the page.
func TestIdleConnectionsTakeLittleMemory(t *testing.T) {
	const count, limit = 5000, 8 << 10 // bytes each
	proxy := startProxy(t, "--http-timeout-idle=60", "--http-timeout-read=60")
	for range 100 { // what the program takes by itself is no connection's
		proxy.mustSend(t, "/count/warm", "value=1")
	}
	before := proxy.memory(t, "VmRSS")
	const request = "POST /count/k HTTP/1.1\r\nHost: proxy\r\nContent-Length: 7\r\n\r\nvalue=1"
	answer := make([]byte, 1024)
	for _, conn := range proxy.dialMany(t, count) {
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(answer); err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 ")) {
			t.Fatalf("got %q, %v, want 200", answer[:n], err)
		}
	}
	each := (proxy.memory(t, "VmRSS") - before) / count
	t.Logf("an idle connection takes %d bytes", each)
	if each > limit {
		t.Errorf("an idle connection takes %d bytes, want at most %d", each, limit)
	}
	proxy.mustSend(t, "/count/k", "value=1")
}

// TestLargeBodiesTakeLittleMemory: 20 clients stream what never ends well.
func TestLargeBodiesTakeLittleMemory(t *testing.T) {
	const clients, rounds, size, limit = 20, 3, 100 << 20, 50 << 20
	proxy := startProxy(t, "--http-timeout-read=20") // a busy machine takes its time
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
					request, err := http.NewRequest(http.MethodPost, proxy.url+"/batch", body)
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
					response, err := proxy.client.Do(request)
					if err != nil {
						continue // cut off while it was still sending
					}
					response.Body.Close()
					if response.StatusCode != http.StatusRequestEntityTooLarge {
						t.Errorf("%s: got %s, want 413", name, response.Status)
					}
				}
			})
		}
		running.Wait()
		proxy.mustSend(t, "/count/k", "value=1")
		peak := proxy.memory(t, "VmHWM")
		t.Logf("after %s: at most %d KiB", name, peak>>10)
		if peak > limit {
			t.Errorf("after %s: it took %d bytes at its peak, want at most %d", name, peak, limit)
		}
	}
}

// zeros is a reader without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
