package test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"statsd-http-proxy/test/harness"
)

// BenchmarkSoak sends as fast as it can, with every limit on, metrics whose
// names and tokens never come again, and whose clients never do either: a
// token's subject for every other, an address behind a trusted proxy for the
// rest. What the proxy remembers of them has its bounds, and so its memory
// must not grow once these are reached.
func BenchmarkSoak(b *testing.B) {
	for b.Loop() {
		proxy := startProxy(b, "--statsd-port="+startSink(b),
			"--jwt-secret="+longSecret, "--jwt-require-exp", "--jwt-issuer=soak", "--cors-origins=https://*.shop.example",
			"--allow-metrics=web.*", "--max-series=100000", "--rate-limit=1000", "--trusted-proxies=127.0.0.1",
			"--max-conns=100", "--max-conns-per-ip=100")
		memory, answers := proxy.soak(b)
		proxy.Stop(b)

		const mib, limit = 1 << 20, 10 << 20
		settled, end := memory[soakSettled], memory[soakSeconds]
		var figures strings.Builder
		for _, bytes := range memory {
			fmt.Fprintf(&figures, " %.1f", float64(bytes)/mib)
		}
		accepted, limited := answers.accepted.Load(), answers.limited.Load()
		b.Logf("MiB of memory, second by second:%s", &figures)
		b.Logf("%d requests: %d accepted, %d one series too many", accepted+limited, accepted, limited)
		b.ReportMetric(float64(settled)/mib, "MiB-settled")
		b.ReportMetric(float64(end)/mib, "MiB-end")
		b.ReportMetric(float64(end-settled)/mib, "MiB-grown")
		b.ReportMetric(float64(accepted+limited)/soakSeconds, "requests/s")
		if end-settled > limit {
			b.Errorf("it has grown by %d bytes from second %d to second %d, want at most %d", end-settled, soakSettled, soakSeconds, limit)
		}
		if accepted == 0 || limited == 0 {
			b.Error("not both sides of the limit to series were seen")
		}
	}
}

// How long the soak takes, and after what time of it memory is held to be
// settled.
const (
	soakSeconds = 60
	soakSettled = 5
)

// soak puts the proxy under load and returns its memory in bytes, second by
// second.
func (p *proxy) soak(b *testing.B) (memory [soakSeconds + 1]int, answers *soakAnswers) {
	const connections = 4
	answers = new(soakAnswers)
	stop, failed := make(chan struct{}), make(chan error, connections)
	var running sync.WaitGroup
	defer running.Wait()
	defer close(stop)
	for i := range connections {
		conn, err := net.Dial("tcp", p.Address)
		if err != nil {
			b.Fatal(err)
		}
		running.Go(func() {
			defer conn.Close()
			if err := soak(conn, i, stop, answers); err != nil {
				failed <- err
			}
		})
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for i := range memory {
		if i > 0 {
			select {
			case <-second.C:
			case err := <-failed:
				b.Fatal(err)
			}
		}
		memory[i] = p.memory(b, "VmRSS")
	}
	return memory, answers
}

// startSink starts a StatsD that forgets what it receives, and returns its port.
func startSink(t testing.TB) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		datagram := make([]byte, 64<<10)
		for {
			if _, _, err := conn.ReadFrom(datagram); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// soakAnswers counts answers.
type soakAnswers struct{ accepted, limited atomic.Int64 }

// soak sends requests one after the other until stop is closed. An answer is
// an error unless the metric was accepted or is a series too many.
func soak(conn net.Conn, number int, stop chan struct{}, answers *soakAnswers) error {
	expires := time.Now().Add(time.Hour).Unix()
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
	mac := hmac.New(sha256.New, []byte(longSecret))
	reader := bufio.NewReader(conn)
	var request, token []byte
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		unique := number<<32 | i
		subject := ""
		if i%2 == 0 {
			subject = fmt.Sprintf(`,"sub":"client%d"`, unique)
		}
		claims := fmt.Sprintf(`{"iss":"soak","jti":"%d","exp":%d,"metrics":["web.*","app.*"],"types":["count"],"prefix":"soak"%s}`, unique, expires, subject)
		token = append(append(token[:0], header...), '.')
		token = base64.RawURLEncoding.AppendEncode(token, []byte(claims))
		mac.Reset()
		mac.Write(token)
		token = base64.RawURLEncoding.AppendEncode(append(token, '.'), mac.Sum(nil))

		request = fmt.Appendf(request[:0], "POST /count/web.page%d HTTP/1.1\r\nHost: proxy\r\nOrigin: https://s%d.shop.example\r\n"+
			"X-Forwarded-For: 10.%d.%d.%d\r\nX-JWT-Token: %s\r\nContent-Length: 18\r\n\r\nvalue=1&tags=a%%3Db",
			unique, unique, unique>>32<<6|i>>16&0x3f, i>>8&0xff, i&0xff, token)
		if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
			return err
		}
		if _, err := conn.Write(request); err != nil {
			return err
		}
		status, answer, err := readAnswer(reader)
		switch {
		case err != nil:
			return err
		case status == 200:
			answers.accepted.Add(1)
		case status == 429 && bytes.Contains(answer, []byte("too many series")):
			answers.limited.Add(1)
		default:
			return fmt.Errorf("request %d: got %d %s, want 200, or 429 for its series", i, status, answer)
		}
	}
}

// readAnswer reads an answer in the form in which the proxy writes them, without
// what net/http would cost. The body is valid until the next call.
func readAnswer(r *bufio.Reader) (status int, body []byte, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, nil, fmt.Errorf("got %q, want a status line", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, err
	}
	for length := 0; ; {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		if len(line) == len("\r\n") {
			body, err := r.Peek(length)
			if err != nil {
				return 0, nil, err
			}
			_, err = r.Discard(length) // which leaves the buffer as it is
			return status, body, err
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		}
	}
}
