package clients

import (
	"net"
	"sync"
	"testing"
	"time"
)

// linkDelay is how long the relay holds back what it passes on, in each direction.
const linkDelay = 150 * time.Millisecond

// startRelay starts a TCP relay to address, which behaves as a link with a delay. It
// returns its own address.
func startRelay(t *testing.T, address string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				continue
			}
			running.Go(func() { relay(server, client) })
			running.Go(func() { relay(client, server) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// chunk is what a relay has read, with the time at which it passes it on.
type chunk struct {
	bytes []byte
	due   time.Time
}

// relay passes on what comes from one connection to the other, linkDelay later, until
// the end, which it passes on, too.
func relay(to, from net.Conn) {
	chunks := make(chan chunk, 1000)
	go func() {
		defer close(chunks)
		for {
			buffer := make([]byte, 4096)
			n, err := from.Read(buffer)
			chunks <- chunk{buffer[:n], time.Now().Add(linkDelay)}
			if err != nil {
				return
			}
		}
	}()
	for c := range chunks {
		time.Sleep(time.Until(c.due))
		if len(c.bytes) > 0 {
			if _, err := to.Write(c.bytes); err != nil {
				break
			}
		}
	}
	// Close both, so that a later request fails as at a server that is gone.
	to.Close()
	from.Close()
	for range chunks {
	}
}
