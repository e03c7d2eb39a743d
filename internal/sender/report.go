package sender

import (
	"log/slog"
	"sync"
	"time"
)

// Stats are counters of a Sender since its start, and its state. If nothing is
// in motion, LinesQueued = LinesSent + LinesLostShutdown + LinesLostTooLarge +
// QueueLines.
type Stats struct {
	LinesQueued uint64 // accepted by Send
	LinesSent   uint64 // written, and known not to come back
	BytesSent   uint64 // of those lines
	PacketsSent uint64 // that held them

	LinesLostShutdown uint64 // not sent before Close returned
	LinesLostTooLarge uint64 // in packets that are too large for the socket

	SendErrors uint64 // failed attempts to connect, and connections and packets that failed
	Reconnects uint64 // connections after the first one

	IsUp      bool      // false from a failure until the server takes packets again
	AwaySince time.Time // when the failure was; zero if the server is up

	QueueLines      uint64 // that wait, or were written and may come back
	QueueBytes      uint64
	QueueLimitBytes uint64
	OldestLineAge   time.Duration // of the lines that were not written yet; 0 if there are none
}

// counters is what the loop counts.
type counters struct {
	linesSent, bytesSent, packetsSent uint64
	linesLost                         [2]uint64 // by the index of the reason in lossReasons
	bytesLost                         uint64
	sendErrors, connections           uint64
	isAway                            bool
	awaySince                         time.Time
	oldest                            time.Time // when the oldest line came that was not written yet
}

var lossReasons = [...]string{reasonShutdown, reasonTooLarge}

// report writes the log and keeps the counters. Its fields before mu belong to
// the loop.
type report struct {
	log *slog.Logger
	counters
	lost lossLog

	mu     sync.Mutex
	public counters // a copy of counters
}

// publish makes the counters visible.
func (r *report) publish() {
	r.mu.Lock()
	r.public = r.counters
	r.mu.Unlock()
}

// published returns the counters as of the last publish.
func (r *report) published() counters {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.public
}

// confirmed counts packets that were sent.
func (r *report) confirmed(packets, lines, bytes int) {
	r.packetsSent += uint64(packets)
	r.linesSent += uint64(lines)
	r.bytesSent += uint64(bytes)
}

// dropped counts and logs lines that are lost.
func (r *report) dropped(a action) {
	for i, reason := range lossReasons {
		if reason == a.reason {
			r.linesLost[i] += uint64(a.lines)
		}
	}
	r.bytesLost += uint64(a.bytes)
	reason := "statsd took too long"
	switch {
	case a.reason == reasonTooLarge:
		reason = "the packet is too large for the socket"
	case a.err != nil:
		reason = a.err.Error()
	}
	if a.lines > 0 {
		r.lost.add(reason, a.lines)
	}
	if a.isLast {
		r.lost.flush()
	}
}

// do carries out the actions that only the log sees.
func (r *report) do(a action) {
	switch a.kind {
	case actAway:
		r.log.Warn("statsd is away, metrics wait", "address", a.addr, "error", a.err)
	case actBack:
		r.log.Info("statsd is back", "address", a.addr, "after", a.duration.Round(time.Millisecond), "waiting_bytes", a.bytes)
	case actMoved:
		r.log.Info("statsd has moved", "from", a.addr)
	case actNotFound:
		if a.isKept {
			r.log.Warn("cannot look up statsd, its last address stays in use", "error", a.err)
		} else {
			r.log.Warn("cannot find statsd, metrics wait", "error", a.err)
		}
	}
}

// lossInterval is how often lost lines are logged at most.
const lossInterval = time.Second

// lossLog logs metrics that were lost, by reason: the first at once, later ones
// summed up, so that they do not flood the log.
type lossLog struct {
	log     *slog.Logger
	last    time.Time      // of the last entry
	pending map[string]int // metrics not logged yet
}

// add counts metrics as lost for reason, one of a few.
func (l *lossLog) add(reason string, metrics int) {
	if l.pending == nil {
		l.pending = make(map[string]int)
	}
	l.pending[reason] += metrics
	if now := time.Now(); now.Sub(l.last) >= lossInterval {
		l.last = now
		l.flush()
	}
}

// flush logs what is not logged yet.
func (l *lossLog) flush() {
	for reason, metrics := range l.pending {
		l.log.Warn("metrics lost", "count", metrics, "reason", reason)
	}
	clear(l.pending)
}
