package transport_test

import (
	"bytes"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/proxytest"
)

// TestHeadersWithoutEndEndTheConnection sends CONTINUATION frames without end
// (CVE-2023-45288): full ones, and empty ones, which only a timeout stops.
func TestHeadersWithoutEndEndTheConnection(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) { o.IdleTimeout = 100 * time.Millisecond })
	for _, size := range []int{0, 1000, proxytest.MaxFrame} {
		c := p.DialHTTP2()
		p.Forwards("at first", c.Do("POST", "/count/k", "value=1"), "k:1|c")
		begin := c.Pack(":method", "POST")
		const gzip = 0x90 // accept-encoding: gzip, deflate (RFC 7541, appendix A)
		var sending sync.WaitGroup
		sending.Go(func() {
			err := c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: begin})
			for err == nil {
				err = c.Framer.WriteContinuation(3, false, bytes.Repeat([]byte{gzip}, size))
			}
		})
		c.ReadToEnd()
		sending.Wait()
	}
	c := p.DialHTTP2()
	p.Forwards("another connection", c.Do("POST", "/count/k", "value=1"), "k:1|c")
}

// blockingSink blocks in Send for lines of "evil", and counts the calls that wait.
type blockingSink struct {
	waiting atomic.Int64
	release chan struct{}
}

func (b *blockingSink) Send(lines []byte, _ []int) error {
	if strings.HasPrefix(string(lines), "evil") {
		b.waiting.Add(1)
		defer b.waiting.Add(-1)
		<-b.release
	}
	return nil
}

// TestRapidResetHarmsNobody opens streams and resets them as fast as it can
// (CVE-2023-44487).
func TestRapidResetHarmsNobody(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS)
	good := p.DialHTTP2()
	evil := p.DialHTTP2()
	ended := make(chan error)
	go func() {
		var err error
		for err == nil {
			var id uint32
			if id, err = evil.TryOpen("POST", "/count/evil", true); err == nil {
				err = evil.Framer.WriteRSTStream(id, http2.ErrCodeCancel)
			}
		}
		ended <- err
	}()
	for evil.GoAway == nil && evil.Read() {
		if a := good.Do("POST", "/count/good", "value=1"); a.Status != 200 {
			t.Errorf("another client got %d %s", a.Status, a.Body)
		}
	}
	if evil.GoAway == nil || *evil.GoAway != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("the connection ends with GOAWAY %v, %v, want ENHANCE_YOUR_CALM", evil.GoAway, evil.Err)
	}
	evil.ReadToEnd()
	select {
	case <-ended:
	case <-time.After(proxytest.Timeout):
		t.Error("the client can go on sending")
	}
}

// TestFloodsTakeNoMemory sends frames that require an answer, and does not read.
func TestFloodsTakeNoMemory(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) {
		o.WriteTimeout = 200 * time.Millisecond
		o.Sink, o.Logger = new(blockingSink), slog.New(slog.DiscardHandler) // the test's own grow with the requests
	})
	good := p.DialHTTP2()
	before := heap()
	for _, flood := range []func(c *proxytest.HTTP2Client) error{
		func(c *proxytest.HTTP2Client) error { return c.Framer.WritePing(false, [8]byte{}) },
		func(c *proxytest.HTTP2Client) error { return c.Framer.WriteSettings() },
		func(c *proxytest.HTTP2Client) error {
			id, err := c.TryOpen("POST", "/count/k", true)
			if err == nil {
				err = c.Framer.WriteRSTStream(id, http2.ErrCodeCancel)
			}
			return err
		},
	} {
		c := p.DialHTTP2()
		for begin := time.Now(); time.Since(begin) < 500*time.Millisecond && flood(c) == nil; {
		}
		if grown := int64(heap()) - int64(before); grown > 4<<20 {
			t.Errorf("the memory grows by %d bytes", grown)
		}
		if a := good.Do("POST", "/count/k", "value=1"); a.Status != 200 {
			t.Errorf("another client got %d %s", a.Status, a.Body)
		}
		c.Conn.Close()
	}
}

// heap returns how many bytes of the heap are in use. It collects twice, because
// the first time a sync.Pool only marks its objects as unused.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
