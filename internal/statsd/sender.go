// Package statsd delivers StatsD lines. Whoever accepts a metric hands its
// line to a Sender; from then on only StatsD itself, or the end of the time
// given to Close, can lose it.
//
//	Send ─▶ the open datagram ─▶ the queue of full ones ─▶ the socket
//	         up to 1432 bytes      bounded                  one goroutine
//
// Lines are packed in the order of Send. A datagram leaves when the next line
// does not fit any more, else when flushInterval has passed since its first
// line.
package statsd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	// DatagramSize is how many bytes of lines a datagram holds at most: what
	// StatsD's documentation recommends for an Ethernet of 1,500 bytes,
	// https://github.com/statsd/statsd/blob/master/docs/metric_types.md.
	DatagramSize = 1432

	// flushInterval is how long a line waits for others to share its
	// datagram. It stays well below the 100 ms that are promised, since a busy
	// machine wakes timers late.
	flushInterval = 25 * time.Millisecond

	// defaultQueue is how many bytes may wait while StatsD's address is
	// not known.
	defaultQueue = 64 << 20

	// A name that does not resolve is tried again after minBackoff, then after
	// twice the time, up to maxBackoff.
	minBackoff = 100 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// What Send returns instead of accepting lines.
var (
	ErrQueueFull = errors.New("the send queue is full")
	ErrClosed    = errors.New("the sender is closed")
)

// Options are the settings of a Sender.
type Options struct {
	// Address is StatsD's host, a name or an IP address, and port.
	Address string

	// QueueBytes bounds the memory of the datagrams that wait; 64 MiB where
	// it is 0. One call of Send can take up to half of it.
	QueueBytes int

	// Logger receives what the operator has to know: lines that are lost, a
	// name that does not resolve.
	Logger *slog.Logger
}

// Sender packs lines into datagrams and sends them over one connected UDP
// socket, which its own goroutine owns. Its methods are safe for concurrent
// use.
type Sender struct {
	address string
	log     *slog.Logger
	limit   int // of datagrams in full

	mu     sync.Mutex
	open   *datagram   // being filled, nil where no line waits
	full   []*datagram // to be sent, in order
	spare  []*datagram // for reuse
	closed bool

	wake   chan struct{} // holds a token when open was empty and is not any more
	filled chan struct{} // holds a token when full was empty and is not any more
	stop   chan struct{} // closed by Close
	done   chan struct{} // closed when the goroutine is gone

	expired context.Context // done when Close has to return
	expire  context.CancelFunc

	// Owned by the goroutine.
	conn     net.Conn
	batch    []*datagram // what is being written, empty between batches
	previous int         // metrics in the datagram written last
	lost     lossLog
}

// datagram is what one write sends.
type datagram struct {
	bytes  []byte // capacity DatagramSize
	groups int    // of lines: the metrics it holds
}

// New returns a Sender and starts its goroutine, which ends with Close. That
// nobody listens at the address, or that its name does not resolve, is no
// error: lines wait for the name.
func New(options Options) *Sender {
	if options.QueueBytes == 0 {
		options.QueueBytes = defaultQueue
	}
	s := &Sender{
		address: options.Address,
		log:     options.Logger,
		limit:   max(1, options.QueueBytes/DatagramSize),
		wake:    make(chan struct{}, 1),
		filled:  make(chan struct{}, 1),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
		lost:    lossLog{log: options.Logger},
	}
	s.expired, s.expire = context.WithCancel(context.Background())
	go s.run()
	return s
}

// Send accepts lines, joined by line feeds without one at the end. ends holds
// where each group of lines ends that has to stay in one datagram, of at most
// DatagramSize bytes; the last of them is len(lines). It copies the lines and
// never blocks on the network. What it accepts leaves within 100 ms, in the
// order of the calls; on an error it accepts none.
func (s *Sender) Send(lines []byte, ends []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case !s.hasRoom(len(lines), len(ends)):
		return ErrQueueFull
	}
	start := 0
	for _, end := range ends {
		s.add(lines[start:end])
		start = end + 1
	}
	return nil
}

// hasRoom tells whether the queue takes so many groups of lines more, of size
// bytes together. s.mu is held.
func (s *Sender) hasRoom(size, groups int) bool {
	if s.open != nil && len(s.open.bytes)+1+size <= DatagramSize {
		return true
	}
	// Each group closes one datagram at most. Of many, no two neighbours would
	// fit into one datagram, so that each is half full on average.
	return len(s.full)+min(groups, 2*size/DatagramSize+1) <= s.limit
}

// add appends a group of lines to the open datagram, or begins the next. s.mu
// is held.
func (s *Sender) add(group []byte) {
	if s.open != nil && len(s.open.bytes)+1+len(group) > DatagramSize {
		s.closeOpen()
	}
	if s.open == nil {
		s.open = s.newDatagram()
		signal(s.wake)
	} else {
		s.open.bytes = append(s.open.bytes, '\n')
	}
	s.open.bytes = append(s.open.bytes, group...)
	s.open.groups++
}

// closeOpen queues the open datagram. s.mu is held.
func (s *Sender) closeOpen() {
	s.full = append(s.full, s.open)
	s.open = nil
	if len(s.full) == 1 {
		signal(s.filled)
	}
}

// newDatagram returns an empty datagram. s.mu is held.
func (s *Sender) newDatagram() *datagram {
	last := len(s.spare) - 1
	if last < 0 {
		return &datagram{bytes: make([]byte, 0, DatagramSize)}
	}
	d := s.spare[last]
	s.spare = s.spare[:last]
	return d
}

// signal leaves a token in c unless one is there.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Close sends what was accepted and returns when the goroutine is gone and the
// socket closed. What waits for an address still when ctx is done is given up
// and logged.
func (s *Sender) Close(ctx context.Context) {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
	}
	if s.open == nil && len(s.full) == 0 {
		s.expire() // nothing waits for an address
	}
	s.mu.Unlock()

	select {
	case <-s.done:
	case <-ctx.Done():
		s.expire()
		<-s.done
	}
}

// run sends until Close.
func (s *Sender) run() {
	defer close(s.done)
	defer s.lost.flush()
	defer s.expire()
	if !s.connect() {
		metrics := 0
		for _, d := range s.take(nil, true) {
			metrics += d.groups
		}
		if metrics > 0 {
			s.lost.add("no address for "+s.address, metrics)
		}
		return
	}
	defer s.conn.Close()

	flush := time.NewTimer(flushInterval)
	flush.Stop()
	for stopping := false; !stopping; {
		all := false
		select {
		case <-s.wake:
			flush.Reset(flushInterval)
			continue
		case <-s.filled:
		case <-flush.C:
			all = true
		case <-s.stop:
			stopping, all = true, true
		}
		s.batch = s.take(s.batch, all)
		s.write(s.batch)
		s.recycle(s.batch)
		clear(s.batch) // what is not kept for reuse is free
		s.batch = s.batch[:0]
	}
}

// take moves the datagrams that wait to batch: the full ones, and the open one
// too with all.
func (s *Sender) take(batch []*datagram, all bool) []*datagram {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all && s.open != nil {
		s.closeOpen()
	}
	batch = append(batch, s.full...)
	clear(s.full)
	s.full = s.full[:0]
	return batch
}

// maxSpare is how many datagrams are kept for reuse, 1.4 MiB of them.
const maxSpare = 1024

// recycle keeps datagrams that were sent for reuse.
func (s *Sender) recycle(batch []*datagram) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range batch {
		if len(s.spare) == maxSpare {
			return
		}
		d.bytes, d.groups = d.bytes[:0], 0
		s.spare = append(s.spare, d)
	}
}

// connect resolves the address and connects the socket, until it succeeds,
// which it reports, or Close gives up.
func (s *Sender) connect() bool {
	var dialer net.Dialer
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		conn, err := dialer.DialContext(s.expired, "udp", s.address)
		if err == nil {
			s.conn = conn
			return true
		}
		if s.expired.Err() != nil {
			return false
		}
		s.log.Warn("cannot reach statsd, metrics wait", "address", s.address, "error", err)
		retry := time.NewTimer(backoff)
		select {
		case <-retry.C:
		case <-s.expired.Done():
			retry.Stop()
			return false
		}
	}
}

// write sends batch, each datagram with one write.
func (s *Sender) write(batch []*datagram) {
	for _, d := range batch {
		_, err := s.conn.Write(d.bytes)
		if errors.Is(err, syscall.ECONNREFUSED) {
			// This is the answer to the datagram before, and it kept this one
			// from being sent: udp(7) of Linux on pending errors.
			s.lost.add("statsd refuses datagrams, is it running?", s.previous)
			_, err = s.conn.Write(d.bytes)
		}
		s.previous = d.groups
		if err != nil {
			s.lost.add(err.Error(), d.groups)
		}
	}
}
