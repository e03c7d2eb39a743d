package process

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

	"statsd-http-proxy/internal/testutil"
)

// BenchmarkSoak sends metrics as fast as it can, with every limit on. Each metric has
// a new name, a new token and a new client: half of the clients are subjects of
// tokens, half are addresses behind a trusted proxy. The proxy remembers a bounded
// number of names, tokens and clients, so its memory must not grow after that.
func BenchmarkSoak(b *testing.B) {
	for b.Loop() {
		proxy := testutil.StartMeasuredProxy(b, "--statsd-port="+testutil.StartSink(b),
			"--jwt-secret="+testutil.LongSecret, "--jwt-require-exp", "--jwt-issuer=soak", "--cors-origins=https://*.shop.example",
			"--allow-metrics=web.*", "--max-series=100000", "--rate-limit=1000", "--trusted-proxies=127.0.0.1",
			"--max-conns=100", "--max-conns-per-ip=100")
		figures, answers := soak(b, proxy)
		proxy.Stop(b)

		const mib, limit = 1 << 20, 10 << 20
		settled, end := figures[soakSettled], figures[soakSeconds]
		var list strings.Builder
		for _, bytes := range figures {
			fmt.Fprintf(&list, " %.1f", float64(bytes)/mib)
		}
		accepted, limited := answers.accepted.Load(), answers.limited.Load()
		b.Logf("MiB of memory, second by second:%s", &list)
		b.Logf("%d requests: %d accepted, %d rejected for a new series", accepted+limited, accepted, limited)
		b.ReportMetric(float64(settled)/mib, "MiB-settled")
		b.ReportMetric(float64(end)/mib, "MiB-end")
		b.ReportMetric(float64(end-settled)/mib, "MiB-grown")
		b.ReportMetric(float64(accepted+limited)/soakSeconds, "requests/s")
		if end-settled > limit {
			b.Errorf("the memory has grown by %d bytes from second %d to second %d, want at most %d", end-settled, soakSettled, soakSeconds, limit)
		}
		if accepted == 0 || limited == 0 {
			b.Error("the limit of series was not reached, or no metric was accepted")
		}
	}
}

// The soak takes soakSeconds. Memory must not grow after soakSettled.
const (
	soakSeconds = 60
	soakSettled = 5
)

// soak puts the proxy under load and returns its memory in bytes after each second.
func soak(b *testing.B, p *testutil.Proxy) (figures [soakSeconds + 1]int, answers *soakAnswers) {
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
			if err := sendUnique(conn, i, stop, answers); err != nil {
				failed <- err
			}
		})
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for i := range figures {
		if i > 0 {
			select {
			case <-second.C:
			case err := <-failed:
				b.Fatal(err)
			}
		}
		figures[i] = p.Memory(b, testutil.ResidentMemory)
	}
	return figures, answers
}

// soakAnswers counts responses.
type soakAnswers struct{ accepted, limited atomic.Int64 }

// sendUnique sends requests one after the other until stop is closed. It returns an
// error if the proxy rejects a metric for another reason than its new series.
func sendUnique(conn net.Conn, number int, stop chan struct{}, answers *soakAnswers) error {
	expires := time.Now().Add(time.Hour).Unix()
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
	mac := hmac.New(sha256.New, []byte(testutil.LongSecret))
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
		if err := conn.SetDeadline(time.Now().Add(testutil.Patience)); err != nil {
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
			return fmt.Errorf("request %d: got %d %s, want 200, or 429 for a new series", i, status, answer)
		}
	}
}

// readAnswer reads a response in the form in which the proxy writes it. It is cheaper
// than net/http. The body is valid until the next call.
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
			_, err = r.Discard(length) // it leaves the bytes in the buffer
			return status, body, err
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		}
	}
}
