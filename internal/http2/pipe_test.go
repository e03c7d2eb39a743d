package http2

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"statsd-http-proxy/internal/exchange"
)

// pipeInput is an Input that reads from a connection.
type pipeInput struct {
	net.Conn
	buffer []byte
}

func (in *pipeInput) Bytes() []byte { return in.buffer }
func (in *pipeInput) Skip(n int)    { in.buffer = in.buffer[n:] }

func (in *pipeInput) Fill() error {
	text := make([]byte, maxFrame)
	n, err := in.Read(text)
	if in.buffer = append(in.buffer[:len(in.buffer):len(in.buffer)], text[:n]...); n > 0 {
		return nil
	}
	return err
}

// pipeClient is a client of a server in a bubble of synctest. Its connection has deadlines, and
// can be written to while the server waits for input.
type pipeClient struct {
	*requestFrames
	t     *testing.T
	conn  net.Conn
	stats *exchange.Stats

	mu       sync.Mutex
	received bytes.Buffer
	hasEnded bool // the server has closed the connection
	lingers  bool // what ServeConn has returned
	endedAt  time.Time
}

// dialPipe has a server serve a client.
func dialPipe(t *testing.T, s *Server) *pipeClient {
	conn, client := net.Pipe()
	c := &pipeClient{requestFrames: newRequestFrames(), t: t, conn: client, stats: exchange.NewStats()}
	go func() {
		lingers := s.ServeConn(&Client{
			Conn: conn, Input: &pipeInput{Conn: conn}, Peer: netip.Addr{}, Remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1234},
			Stats: c.stats.Shard(), Timeout: time.Minute,
		})
		c.mu.Lock()
		c.hasEnded, c.lingers, c.endedAt = true, lingers, time.Now()
		c.mu.Unlock()
		_ = conn.Close()
	}()
	go func() {
		text := make([]byte, 64<<10)
		for {
			n, err := client.Read(text)
			if err != nil {
				return
			}
			c.mu.Lock()
			c.received.Write(text[:n])
			c.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = client.Close()
		synctest.Wait()
		if !c.ended() {
			t.Error("the server serves a connection that is closed")
		}
		checkStats(t, c.stats)
	})
	return c
}

// send sends what was written, and waits until the server has done what it can do at once.
func (c *pipeClient) send() {
	c.t.Helper()
	if text := c.take(); len(text) > 0 {
		if _, err := c.conn.Write(text); err != nil {
			c.t.Fatalf("the client cannot write: %v", err)
		}
	}
	synctest.Wait()
}

// replies returns what the server has sent.
func (c *pipeClient) replies() *replies {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	checkFrames(c.t, c.received.Bytes())
	return readReplies(c.t, c.received.Bytes())
}

// ended reports whether the server has closed the connection.
func (c *pipeClient) ended() bool {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hasEnded
}

// requests counts requests by their status.
func (c *pipeClient) requests() map[int]uint64 {
	counts := make(map[int]uint64)
	c.stats.Snapshot().Requests(func(_ exchange.Route, code int, n uint64) {
		if n > 0 {
			counts[code] += n
		}
	})
	return counts
}

// testDelays runs a test in a bubble, with a client of a server with delayHandler. The idle
// grace of the server is a second.
func testDelays(t *testing.T, test func(t *testing.T, s *Server, c *pipeClient)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, new(discardSink))
		s.options.Handler = delayHandler{}
		s.options.IdleGrace.Store(int64(time.Second))
		c := dialPipe(t, s)
		c.preface()
		c.send()
		test(t, s, c)
	})
}
