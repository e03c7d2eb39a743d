package sender

import (
	"log/slog"
	"time"
)

// lossInterval is how often lost lines are logged at most.
const lossInterval = time.Second

// lossLog counts the metrics that were lost, by reason, and logs them: the first
// at once, later ones summed up, so that an outage does not flood the log. It
// belongs to one goroutine.
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
