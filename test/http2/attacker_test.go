package http2

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"statsd-http-proxy/internal/testutil"
)

// attack describes what each of its connections sends.
type attack struct {
	name     string
	conns    int
	settings []http2.Setting

	// begin writes the first frames of a connection. frames writes some more; it is called
	// times times after each interval, so that the attack takes the proxy's time and not
	// the test's.
	begin, frames func(a *attacker)
	times         int
	interval      time.Duration

	isDeaf     bool // it reads nothing until its connection is closed
	reconnects bool // at once, if its connection is closed
	mayStay    bool // the connections may stay open, because the attack takes little

	// code is the error of GOAWAY for what the connection sends, if that is an error of the
	// connection. ENHANCE_YOUR_CALM is always right.
	code http2.ErrCode
}

// attackerAddress is an address of the loopback network that only attackers have.
const attackerAddress = "127.0.0.66"

// reconnectPause bounds how often an attacker that reconnects does a TLS handshake, which
// costs the test as much as the proxy.
const reconnectPause = 50 * time.Millisecond

// attacker is a connection of an attack.
type attacker struct {
	*http2.Framer // it writes to out
	out           bytes.Buffer
	nextID        uint32
	streams       []uint32 // that begin has opened
}

// The endings of a connection that are no GOAWAY.
const (
	stayedOpen = "open"
	wasClosed  = "closed without GOAWAY"
)

// endings counts how the connections of an attack have ended: with GOAWAY and the name of
// its error, or otherwise.
type endings struct {
	mu     sync.Mutex
	counts map[string]int
}

func (e *endings) add(ending string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts[ending]++
}

// run attacks the proxy until stop is closed and returns how the connections have ended.
func (k *attack) run(t testing.TB, p *testutil.Proxy, stop <-chan struct{}) map[string]int {
	t.Helper()
	ended := endings{counts: map[string]int{}}
	var running sync.WaitGroup
	for range k.conns {
		running.Go(func() {
			for {
				ending, err := k.connect(p, stop)
				if err != nil {
					t.Errorf("an attacker cannot connect: %v", err)
					return
				}
				ended.add(ending)
				if !k.reconnects {
					return
				}
				select {
				case <-stop:
					return
				case <-time.After(reconnectPause):
				}
			}
		})
	}
	running.Wait()
	return ended.counts
}

// connect attacks the proxy on one connection until stop is closed or the connection ends.
func (k *attack) connect(p *testutil.Proxy, stop <-chan struct{}) (ending string, err error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(attackerAddress)}, Timeout: testutil.Patience}
	raw, err := dialer.Dial("tcp", p.Address)
	if err != nil {
		return "", err
	}
	conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http2.NextProtoTLS}})
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Patience)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return "", err
	}
	a := &attacker{nextID: 1}
	a.Framer = http2.NewFramer(&a.out, nil)
	a.AllowIllegalWrites = true
	a.out.WriteString(http2.ClientPreface)
	_ = a.WriteSettings(k.settings...) // a buffer takes everything
	if k.begin != nil {
		k.begin(a)
	}
	closed := make(chan string, 1)
	read := sync.OnceFunc(func() { go func() { closed <- readEnding(conn) }() })
	if !k.isDeaf {
		read()
	}
	var bursts <-chan time.Time
	if k.frames != nil {
		ticker := time.NewTicker(k.interval)
		defer ticker.Stop()
		bursts = ticker.C
	}
	written := make(chan error, 1)
	for {
		go func() {
			_, err := conn.Write(a.out.Bytes())
			written <- err
		}()
		select {
		case <-stop:
			return stayedOpen, nil
		case err = <-written:
		}
		if err != nil {
			break
		}
		a.out.Reset()
		select {
		case <-stop:
			return stayedOpen, nil
		case ending := <-closed:
			return ending, nil
		case <-bursts:
			for range k.times {
				k.frames(a)
			}
		}
	}
	// The proxy has closed the connection. What it sent before can still be read.
	_ = conn.SetReadDeadline(time.Now().Add(testutil.Patience))
	read()
	return <-closed, nil
}

// readEnding reads frames to the end of a connection and returns how it has ended.
func readEnding(conn net.Conn) string {
	ending := wasClosed
	framer := http2.NewFramer(conn, conn)
	framer.SetReuseFrames()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return ending
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = framer.WriteSettingsAck() // it fails if the proxy has closed the connection
			}
		case *http2.GoAwayFrame:
			ending = frame.ErrCode.String()
		}
	}
}

// fields returns a header block of names and values in turn. It does not change the
// HPACK table, so that it can be sent often.
func fields(all ...string) []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(all); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1], Sensitive: true}) // a buffer takes everything
	}
	return block.Bytes()
}

// request returns the header block of a request.
func request(method, path string, more ...string) []byte {
	return fields(append([]string{":method", method, ":scheme", "https", ":authority", "proxy", ":path", path}, more...)...)
}

// open opens a stream.
func (a *attacker) open(block []byte, endsStream bool) (id uint32) {
	id = a.nextID
	a.nextID += 2
	_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: endsStream, EndHeaders: true})
	return id
}

// openMany opens as many streams as the proxy allows on a connection.
func (a *attacker) openMany(block []byte, endsStream bool) {
	const count = 128
	for range count {
		a.streams = append(a.streams, a.open(block, endsStream))
	}
}
