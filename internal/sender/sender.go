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
// Send packs lines into packets in the order of the calls. A packet is sent when the
// next line does not fit into it, and at the latest 25 ms after its first line. If the
// server refuses a packet, the sender sends it again, before all later packets. While
// the server is away, the sender queues lines, up to a limit.
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

// The networks of Options.Network.
const (
	UDP      = "udp"
	TCP      = "tcp"
	Unixgram = "unixgram" // packets through a Unix domain socket
	Unix     = "unix"     // a stream through a Unix domain socket
)

const (
	// DefaultQueueBytes is the default of Options.QueueBytes.
	DefaultQueueBytes = 64 << 20

	// DefaultResolveInterval is the default of Options.ResolveInterval.
	DefaultResolveInterval = 30 * time.Second
)

// DatagramSize returns the default of Options.DatagramBytes for a network. For UDP it is
// the size that StatsD's documentation recommends for Ethernet,
// https://github.com/statsd/statsd/blob/master/docs/metric_types.md. For other networks
// it is the size of the Datadog Agent's buffer,
// https://docs.datadoghq.com/developers/dogstatsd/high_throughput/.
func DatagramSize(network string) int {
	if network == UDP {
		return 1432
	}
	return 8192
}

// The errors of Send. If it returns one of them, it has accepted no line.
var (
	ErrQueueFull = errors.New("the send queue is full")
	ErrTooLarge  = errors.New("the lines are more than the send queue holds")
	ErrClosed    = errors.New("the sender is closed")
)

// Options are the settings of a Sender.
type Options struct {
	// Network is UDP, TCP, Unixgram or Unix. Empty means UDP.
	Network string

	// Address is the server's host, a name or an IP address, and port, like
	// localhost:8125. For Unixgram and Unix it is the path of the socket.
	Address string

	// DatagramBytes is the maximum size in bytes of the lines in a packet. 0 means
	// DatagramSize(Network).
	DatagramBytes int

	// QueueBytes is the maximum size in bytes of the queued packets. The queue takes at
	// most a quarter more memory, and 1 MiB. If DatagramBytes is below 1408, a large
	// queue holds fewer bytes for this reason. 0 means DefaultQueueBytes.
	QueueBytes int

	// ResolveInterval is the time between two lookups of a host name, and for UDP also
	// between two changes of the local port. 0 means DefaultResolveInterval.
	ResolveInterval time.Duration

	// Logger receives messages when the server goes away, comes back or moves, when the
	// queue becomes full and has room again, and when lines are lost.
	Logger *slog.Logger
}

// Sender sends lines to a server. Its methods are safe for concurrent use.
type Sender struct {
	queue           *queue
	loop            *loop
	lookup          *lookup
	queueLimitBytes int // Options.QueueBytes
}

// New returns a Sender and starts its goroutines. The caller must call Close. New
// returns an error if the address has no port. It returns no error if the server is away
// or its name does not resolve: the Sender then queues lines.
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
	if p.isUDP {
		p.renewInterval = options.ResolveInterval
	}
	q := newQueue(options.DatagramBytes, maxPackets(options.QueueBytes, options.DatagramBytes))
	r := &report{log: options.Logger, lost: lossLog{log: options.Logger}}
	s := &Sender{queue: q, loop: newLoop(p, q, look, dial, r), lookup: look, queueLimitBytes: options.QueueBytes}
	look.start()
	go s.loop.run()
	return s, nil
}

// maxPackets returns how many packets of size bytes a queue of queueBytes holds: at least
// one. Beside its bytes, a packet takes about 352 bytes of Go's heap: a buffer, a packet,
// a pointer, and as much again that the garbage collector has not freed yet. All packets
// may take a quarter more than queueBytes, and 1 MiB.
func maxPackets(queueBytes, size int) int {
	const packetOverhead, freeOverhead = 352, 1 << 20
	return max(1, min(queueBytes/size, (queueBytes+queueBytes/4+freeOverhead)/(size+packetOverhead)))
}

// orDefault sets option to preset if it has the zero value.
func orDefault[T comparable](option *T, preset T) {
	var none T
	if *option == none {
		*option = preset
	}
}

// Send accepts lines, which are separated by line feeds, without one at the end. A group
// of lines, of at most DatagramBytes bytes, stays in one packet. ends holds the end of
// each group in lines; the last of them is len(lines). Send copies the lines and never
// waits for the network. The lines are sent in the order of the calls, within 100 ms if
// no other lines are queued. If Send returns an error, it has accepted no line.
func (s *Sender) Send(lines []byte, ends []int) error {
	err := s.queue.add(lines, ends)
	if err == ErrQueueFull && s.queue.setFull() {
		s.loop.report.log.Warn("the send queue is full: requests are answered 503", "option", "--statsd-buffer", "bytes", s.queueLimitBytes)
	}
	return err
}

// Close sends the accepted lines, ends the goroutines and closes the socket. Lines that
// are not sent when ctx is done are lost. Close counts and logs them.
func (s *Sender) Close(ctx context.Context) {
	s.queue.close()
	s.loop.stop(ctx)
	s.lookup.close()
}

// Stats returns the counters and the state of s.
func (s *Sender) Stats() Stats {
	c := s.loop.report.published() // before queued, so that no line is sent that is not queued
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
		QueueLimitBytes:   uint64(s.queueLimitBytes),
	}
	if c.isAway {
		stats.AwaySince = c.awaySince
	}
	if !c.oldest.IsZero() {
		stats.OldestLineAge = time.Since(c.oldest)
	}
	return stats
}
