package sender

import (
	"log/slog"
	"sync"
	"time"
)

// Stats are the counters of a Sender since its start, and its state. At any time while
// no line is being accepted or sent, LinesQueued = LinesSent + LinesLostShutdown +
// LinesLostTooLarge + QueueLines.
type Stats struct {
	LinesQueued uint64 // accepted by Send
	LinesSent   uint64 // written, and confirmed to have arrived as far as the network allows
	BytesSent   uint64 // the size of those lines
	PacketsSent uint64 // the packets that held them

	LinesLostShutdown uint64 // not sent before Close returned
	LinesLostTooLarge uint64 // in packets that are too large for the socket

	SendErrors uint64 // failed attempts to connect, and connections and packets that failed
	Reconnects uint64 // connections after the first one

	IsUp      bool      // false from a failure until the server takes packets again
	AwaySince time.Time // when the failure was; zero if the server is up

	QueueLines      uint64 // lines that are not written, or not confirmed
	QueueBytes      uint64
	QueueLimitBytes uint64
	OldestLineAge   time.Duration // the age of the oldest line that is not written; 0 if there is none
}

// counters are the values that the loop counts.
type counters struct {
	linesSent, bytesSent, packetsSent uint64
	linesLost                         [2]uint64 // by the index of the reason in lossReasons
	bytesLost                         uint64
	sendErrors, connections           uint64
	isAway                            bool
	awaySince                         time.Time
	oldest                            time.Time // when the oldest line that is not written was accepted; zero if there is none
}

var lossReasons = [...]string{reasonShutdown, reasonTooLarge}

// report writes the log and keeps the counters. Only the loop uses the fields before
// mu.
type report struct {
	log *slog.Logger
	counters
	lost lossLog

	notFound   string    // the last message about a failed lookup
	notFoundAt time.Time // when it was logged

	mu     sync.Mutex
	public counters // a copy of counters
}

// publish copies the counters for published.
func (r *report) publish() {
	r.mu.Lock()
	r.public = r.counters
	r.mu.Unlock()
}

// published returns the counters at the last call of publish. Any goroutine may call
// it.
func (r *report) published() counters {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.public
}

// confirmed counts packets that have arrived.
func (r *report) confirmed(packets, lines, bytes int) {
	r.packetsSent += uint64(packets)
	r.linesSent += uint64(lines)
	r.bytesSent += uint64(bytes)
}

// dropped counts and logs lost lines.
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

// logAction carries out the actions that only write a log line.
func (r *report) logAction(a action) {
	switch a.kind {
	case actAway:
		r.log.Warn("statsd is away, metrics wait", "address", a.addr, "error", a.err)
	case actBack:
		r.log.Info("statsd is back", "address", a.addr, "after", a.duration.Round(time.Millisecond), "waiting_bytes", a.bytes)
	case actMoved:
		r.log.Info("statsd has moved", "from", a.addr)
	case actNotFound:
		if a.isKept {
			r.logNotFound("cannot look up statsd, its last address stays in use", a.err)
		} else {
			r.logNotFound("cannot find statsd, metrics wait", a.err)
		}
	}
}

// notFoundInterval is the minimum time between two equal messages about lookups that
// failed. Their errors may differ: those of the resolver name its source port.
const notFoundInterval = time.Minute

// logNotFound logs that a lookup has failed.
func (r *report) logNotFound(message string, err error) {
	now := time.Now()
	if message == r.notFound && now.Sub(r.notFoundAt) < notFoundInterval {
		return
	}
	r.notFound, r.notFoundAt = message, now
	r.log.Warn(message, "error", err)
}

// lossInterval is the minimum time between two log lines about lost lines.
const lossInterval = time.Second

// lossLog logs lost lines by reason. To keep the log short, it logs the first ones at
// once and later ones in sums.
type lossLog struct {
	log        *slog.Logger
	lastLogged time.Time      // of the last entry
	pending    map[string]int // metrics not logged yet
}

// add counts metrics that were lost for reason. There are only a few reasons.
func (l *lossLog) add(reason string, metrics int) {
	if l.pending == nil {
		l.pending = make(map[string]int)
	}
	l.pending[reason] += metrics
	if now := time.Now(); now.Sub(l.lastLogged) >= lossInterval {
		l.lastLogged = now
		l.flush()
	}
}

// flush logs the metrics that are not logged yet.
func (l *lossLog) flush() {
	for reason, metrics := range l.pending {
		l.log.Warn("metrics lost", "count", metrics, "reason", reason)
	}
	clear(l.pending)
}
