// Package sender delivers StatsD lines to one server.
//
//	Send ─▶ queue ─▶ loop ─▶ conn ─▶ StatsD
//	        packs    one     one socket: UDP, TCP
//	        lines    go-     or a Unix socket
//	                 routine
//	                  ▲ │
//	            events│ │actions
//	                  │ ▼
//	                machine: decides, has no sockets and no clock
//	                  ▲
//	                lookup: where the server is
//
// Send packs lines into packets in the order of the calls. A packet leaves when
// the next line does not fit any more, else 25 ms after its first line. A
// packet that the server refuses is sent again, before all that follow it. The
// sender keeps lines while the server is away, up to a bound.
//
// docs/delivery.md says which lines can still be lost, and on which networks.
package sender

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"
)

// The networks by which a server may be reached.
const (
	UDP      = "udp"
	TCP      = "tcp"
	Unixgram = "unixgram" // packets through a Unix domain socket
	Unix     = "unix"     // a stream through a Unix domain socket
)

const (
	// DefaultQueueBytes is how many bytes may wait for a server that is away.
	DefaultQueueBytes = 64 << 20

	// DefaultResolveInterval is how often the server's name is looked up again.
	DefaultResolveInterval = 30 * time.Second
)

// DatagramSize returns how many bytes of lines a packet holds unless the options
// say otherwise. For UDP it is what StatsD's documentation recommends for an
// Ethernet of 1,500 bytes,
// https://github.com/statsd/statsd/blob/master/docs/metric_types.md, else the
// size of the Datadog Agent's buffer,
// https://docs.datadoghq.com/developers/dogstatsd/high_throughput/.
func DatagramSize(network string) int {
	if network == UDP {
		return 1432
	}
	return 8192
}

// Errors of Send. It has accepted no line then.
var (
	ErrQueueFull = errors.New("the send queue is full")
	ErrTooLarge  = errors.New("the lines are more than the send queue holds")
	ErrClosed    = errors.New("the sender is closed")
)

// Options are the settings of a Sender.
type Options struct {
	// Network is UDP, TCP, Unixgram or Unix; UDP if it is empty.
	Network string

	// Address is the server's host, a name or an IP address, and port, like
	// localhost:8125. For Unixgram and Unix it is the path of the socket.
	Address string

	// DatagramBytes is how many bytes of lines a packet holds at most;
	// DatagramSize if it is 0.
	DatagramBytes int

	// QueueBytes bounds the memory of the packets that wait;
	// DefaultQueueBytes if it is 0.
	QueueBytes int

	// ResolveInterval is how often a host name is looked up again;
	// DefaultResolveInterval if it is 0.
	ResolveInterval time.Duration

	// Logger gets messages when the server goes away, comes back or moves, when the
	// queue becomes full and has room again, and when lines are lost.
	Logger *slog.Logger
}

// Sender sends lines to a server. Its methods are safe for concurrent use.
type Sender struct {
	queue  *queue
	loop   *loop
	lookup *lookup
	limit  int // bytes of the queue
}

// New returns a Sender and starts its goroutines, which end with Close. A server
// that is away, or whose name does not resolve, is no error: lines wait for it.
// New returns an error if the address has no port.
func New(options Options) (*Sender, error) {
	orDefault(&options.Network, UDP)
	p := newPolicy(options.Network)
	return newSender(options, p, net.DefaultResolver.LookupNetIP, newDialFunc(options.Network, p))
}

func newSender(options Options, p policy, find lookupFunc, dial dialFunc) (*Sender, error) {
	orDefault(&options.DatagramBytes, DatagramSize(options.Network))
	orDefault(&options.QueueBytes, DefaultQueueBytes)
	orDefault(&options.ResolveInterval, DefaultResolveInterval)
	look, err := newLookup(&options, find)
	if err != nil {
		return nil, err
	}
	q := newQueue(options.DatagramBytes, max(1, options.QueueBytes/options.DatagramBytes))
	r := &report{log: options.Logger, lost: lossLog{log: options.Logger}}
	s := &Sender{queue: q, loop: newLoop(p, q, look, dial, r), lookup: look, limit: options.QueueBytes}
	look.start()
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
// where each group of lines ends that has to stay in one packet, of at most
// DatagramBytes; the last of them is len(lines). Send copies the lines and never
// waits for the network. Lines leave in the order of the calls, within 100 ms if
// no others wait for the server. If Send returns an error, it has accepted none.
func (s *Sender) Send(lines []byte, ends []int) error {
	err := s.queue.add(lines, ends)
	if err == ErrQueueFull && s.queue.setFull() {
		s.loop.report.log.Warn("the send queue is full: requests are answered 503", "option", "--statsd-buffer", "bytes", s.limit)
	}
	return err
}

// Close sends the lines that were accepted and returns when the goroutines are
// gone and the socket is closed. When ctx is done, the lines that still wait are
// lost, which Close counts and logs.
func (s *Sender) Close(ctx context.Context) {
	s.queue.close()
	s.loop.stop(ctx)
	s.lookup.close()
}

// Stats returns the counters and the state of s.
func (s *Sender) Stats() Stats {
	c := s.loop.report.published() // first: it must not be ahead of the queue
	lines, bytes := s.queue.queued()
	stats := Stats{
		LinesQueued:       lines,
		LinesSent:         c.linesSent,
		BytesSent:         c.bytesSent,
		PacketsSent:       c.packetsSent,
		LinesLostShutdown: c.linesLost[0],
		LinesLostTooLarge: c.linesLost[1],
		SendErrors:        c.sendErrors,
		Reconnects:        max(c.connections, 1) - 1,
		IsUp:              !c.isAway,
		QueueLines:        lines - c.linesSent - c.linesLost[0] - c.linesLost[1],
		QueueBytes:        bytes - c.bytesSent - c.bytesLost,
		QueueLimitBytes:   uint64(s.limit),
	}
	if c.isAway {
		stats.AwaySince = c.awaySince
	}
	if !c.oldest.IsZero() {
		stats.OldestLineAge = time.Since(c.oldest)
	}
	return stats
}
