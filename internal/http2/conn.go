package http2

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"statsd-http-proxy/internal/deadline"
)

// Limits of a connection; abuse.go has those against floods.
const (
	maxStreams  = 128      // open requests
	maxFrame    = 16 << 10 // bytes; the least that RFC 9113, section 4.2, allows
	frameHeader = 9        // bytes
)

// conn is a connection.
//
// Its goroutine holds mu except while it waits for input. The goroutines of pages need mu
// for their writes.
type conn struct {
	*Client
	server *Server
	framer *http2.Framer // reads
	hpack  *hpack.Decoder

	mu      sync.Mutex
	now     time.Time // when input has last arrived
	streams []*stream // the open ones, in no order
	lastID  uint32    // the highest ID of a stream that was opened
	reset   resetRing
	head    headBlock
	known   *knownHead // nil for none
	credit  credit
	pages   sync.WaitGroup

	receive     int64 // bytes of bodies that the client may send
	send        int64 // bytes of bodies that may be sent
	sendInitial int64 // bytes that may be sent on a new stream
	sendFrame   int   // bytes that a frame may have

	out        *output // nil while there is nothing to write
	written    deadline.Deadline
	writeErr   error // of the first write that failed
	unobserved int   // requests that arrived at now, whose durations are not counted

	pending int // bytes of responses that are blocked
	heads   int // bytes of the heads of requests that wait

	hasSentHead bool
	isReady     bool // the client's preface has arrived
	isActive    bool // counted in Stats
	hasWorked   bool // since the last wait

	read         time.Time   // the read deadline; zero if unknown
	idleDeadline time.Time   // of a connection without a stream
	woken        atomic.Bool // wake was called
	drain        drain
}

func newConn(s *Server, client *Client) *conn {
	c := &conn{
		Client: client, server: s, now: time.Now(),
		receive: connWindow, send: defaultWindow, sendInitial: defaultWindow, sendFrame: maxFrame,
	}
	c.idleDeadline = c.now.Add(client.Timeout)
	c.credit = credit{left: maxCredit, at: c.now}
	c.framer = http2.NewFramer(nil, inputReader{client.Input})
	c.framer.SetMaxReadFrameSize(maxFrame)
	c.framer.SetReuseFrames()
	c.hpack = hpack.NewDecoder(headerTable, c.onField)
	c.hpack.SetMaxStringLength(maxHeaderString)
	return c
}

// inputReader reads what has arrived. Its caller makes sure that this is enough.
type inputReader struct{ in Input }

func (r inputReader) Read(dst []byte) (int, error) {
	n := copy(dst, r.in.Bytes())
	r.in.Skip(n)
	return n, nil
}

// errIdle is the error of a connection that was idle for its timeout.
const errIdle = http2.ConnectionError(http2.ErrCodeNo)

// serve serves c until it ends.
func (c *conn) serve() (lingers bool) {
	c.mu.Lock()
	err := c.serveFrames()
	isFlooded := err == errCalm
	if code, ok := err.(http2.ConnectionError); ok {
		lastID := c.lastID
		if c.drain.isFinal {
			lastID = c.drain.lastID // it must not increase
		}
		c.writeGoAway(lastID, http2.ErrCode(code))
		lingers = c.flush() == nil && !isFlooded
	}
	c.close()
	if isFlooded {
		c.holdFlood()
	}
	return lingers
}

// serveFrames handles frames until the connection ends. The error is an
// http2.ConnectionError if the client has to be told why.
func (c *conn) serveFrames() error {
	isClosed := false
	defer func() {
		if !isClosed { // after a panic
			c.close()
		}
	}()
	err := c.readPreface()
	for err == nil {
		err = c.readFrame()
	}
	isClosed = true
	return err
}

// close ends all streams. It unlocks mu.
func (c *conn) close() {
	for len(c.streams) > 0 {
		c.abort(c.streams[len(c.streams)-1])
	}
	c.observe()
	c.dropOutput()
	c.releaseHead()
	c.setActive(false)
	c.mu.Unlock()
	c.pages.Wait()
	c.dropOutput() // of pages
}

// readPreface reads the preface of the client and its first frame, which has to be SETTINGS
// (RFC 9113, section 3.4).
func (c *conn) readPreface() error {
	for len(c.Input.Bytes()) < len(Preface) {
		if text := c.Input.Bytes(); string(text) != Preface[:len(text)] {
			break
		}
		if err := c.wait(); err != nil {
			return err
		}
	}
	_, _ = c.startOutput().Write(c.server.settings) // to memory
	if text := c.Input.Bytes(); len(text) < len(Preface) || string(text[:len(Preface)]) != Preface {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	c.Input.Skip(len(Preface))
	for len(c.Input.Bytes()) < frameHeader {
		if err := c.wait(); err != nil {
			return err
		}
	}
	if http2.FrameType(c.Input.Bytes()[3]) != http2.FrameSettings {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	err := c.readFrame()
	c.isReady = true
	return err
}

// readFrame waits for a frame and handles it.
func (c *conn) readFrame() error {
	for len(c.Input.Bytes()) < frameHeader {
		if err := c.wait(); err != nil {
			return err
		}
	}
	frame, err := c.framer.ReadFrameHeader()
	if err != nil {
		return connError(err)
	}
	for len(c.Input.Bytes()) < int(frame.Length) {
		if err := c.wait(); err != nil {
			return err
		}
	}
	return c.handle(frame)
}

// connError returns the connection error for an error of the Framer.
func connError(err error) error {
	if errors.Is(err, http2.ErrFrameTooLarge) {
		return http2.ConnectionError(http2.ErrCodeFrameSize)
	}
	return err
}

// wait writes the output, then waits for more input. It returns nil when some has arrived.
// While it waits, other goroutines may use c.
func (c *conn) wait() error {
	for {
		if err := c.expire(); err != nil {
			return err
		}
		if c.isReady {
			if err := c.flush(); err != nil {
				return err
			}
		}
		c.setActive(len(c.streams) > 0 || c.head.isOpen)
		if err := c.setReadDeadline(); err != nil {
			return err
		}
		if c.woken.Swap(false) {
			c.read = time.Time{}
			c.now = time.Now()
			continue
		}
		err := c.fill()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		c.read = time.Time{}
	}
}

// fill waits for input without mu.
func (c *conn) fill() error {
	c.mu.Unlock()
	defer func() { // also after a panic: close needs mu
		c.mu.Lock()
		c.now = time.Now()
	}()
	if c.hasWorked {
		c.hasWorked = false
		runtime.Gosched() // a connection whose client never pauses must not starve the others
	}
	return c.Input.Fill()
}

// setActive counts whether c has a request that is not answered.
func (c *conn) setActive(isActive bool) {
	if isActive == c.isActive {
		return
	}
	c.isActive = isActive
	if isActive {
		c.Stats.AddActive(1)
	} else {
		c.Stats.AddActive(-1)
	}
}
