// Package sender delivers StatsD lines. Whoever accepts a metric hands its
// line to a Sender; from then on only StatsD itself, or the end of the time
// given to Close, can lose it.
//
//	Send ─▶ queue ─▶ send loop ─▶ link ─▶ StatsD
//	        packs    one          one socket of UDP, TCP
//	        lines    goroutine    or a Unix domain
//	                   ▲
//	                resolver: where StatsD is now
//
// Lines are packed into datagrams in the order of Send. A datagram leaves when
// the next line does not fit any more, else when flushInterval has passed since
// its first line. What StatsD refuses comes back and is sent again, before all
// that follows.
package sender

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"
)

// The networks that StatsD may be reached through.
const (
	UDP      = "udp"
	TCP      = "tcp"
	Unixgram = "unixgram" // datagrams through a Unix domain socket
	Unix     = "unix"     // a stream through a Unix domain socket
)

const (
	// flushInterval is how long a line waits for others to share its
	// datagram. It stays well below the 100 ms that are promised, since a busy
	// machine wakes timers late.
	flushInterval = 25 * time.Millisecond

	// DefaultQueueBytes is how many bytes may wait for a StatsD that is away.
	DefaultQueueBytes = 64 << 20

	// DefaultResolveInterval is how often StatsD's name is looked up again.
	DefaultResolveInterval = 30 * time.Second
)

// DatagramSize returns how many bytes of lines a datagram holds unless the
// options say otherwise. For UDP it is what StatsD's documentation recommends
// for an Ethernet of 1,500 bytes,
// https://github.com/statsd/statsd/blob/master/docs/metric_types.md, else what
// the Datadog Agent's buffer takes,
// https://docs.datadoghq.com/developers/dogstatsd/high_throughput/.
func DatagramSize(network string) int {
	if network == UDP {
		return 1432
	}
	return 8192
}

// What Send returns instead of accepting lines.
var (
	ErrQueueFull = errors.New("the send queue is full")
	ErrTooLarge  = errors.New("the lines are more than the send queue holds")
	ErrClosed    = errors.New("the sender is closed")
)

// Options are the settings of a Sender.
type Options struct {
	// Network is UDP, TCP, Unixgram or Unix; UDP where it is empty.
	Network string

	// Address is StatsD's host, a name or an IP address, and port, like
	// localhost:8125; for Unixgram and Unix it is the path of the socket.
	Address string

	// DatagramBytes is how many bytes of lines a datagram holds at most;
	// DatagramSize where it is 0.
	DatagramBytes int

	// QueueBytes bounds the memory of the datagrams that wait;
	// DefaultQueueBytes where it is 0.
	QueueBytes int

	// ResolveInterval is how often a host name is looked up again;
	// DefaultResolveInterval where it is 0.
	ResolveInterval time.Duration

	// Logger receives what the operator has to know: that StatsD is away and
	// back, and lines that are lost.
	Logger *slog.Logger
}

// Sender sends lines to a StatsD server. Its methods are safe for concurrent
// use.
type Sender struct {
	queue    *queue
	loop     *sendLoop
	resolver *resolver
}

// New returns a Sender and starts its goroutines, which end with Close. That
// nobody listens at the address, or that its name does not resolve, is no
// error: lines wait for StatsD. An error tells of an address that is none.
func New(options Options) (*Sender, error) {
	return newSender(options, net.DefaultResolver.LookupNetIP)
}

func newSender(options Options, lookup lookupFunc) (*Sender, error) {
	orDefault(&options.Network, UDP)
	orDefault(&options.DatagramBytes, DatagramSize(options.Network))
	orDefault(&options.QueueBytes, DefaultQueueBytes)
	orDefault(&options.ResolveInterval, DefaultResolveInterval)
	r, err := newResolver(&options, lookup)
	if err != nil {
		return nil, err
	}
	q := newQueue(options.DatagramBytes, max(1, options.QueueBytes/options.DatagramBytes))
	s := &Sender{queue: q, loop: newSendLoop(&options, q, r), resolver: r}
	r.start()
	go s.loop.run()
	return s, nil
}

func orDefault[T comparable](option *T, preset T) {
	var none T
	if *option == none {
		*option = preset
	}
}

// Send accepts lines, joined by line feeds without one at the end. ends holds
// where each group of lines ends that has to stay in one datagram, of at most
// DatagramBytes; the last of them is len(lines). It copies the lines and
// never blocks on the network. What it accepts leaves in the order of the
// calls, within 100 ms if StatsD takes it; on an error it accepts none.
func (s *Sender) Send(lines []byte, ends []int) error {
	return s.queue.add(lines, ends)
}

// Close sends what was accepted and returns when the goroutines are gone and
// the socket is closed. What still waits for StatsD when ctx is done is given
// up and logged.
func (s *Sender) Close(ctx context.Context) {
	s.queue.close()
	s.loop.stop(ctx)
	s.resolver.close()
}
