// Package logbuf keeps a log from delaying or ending the program. Standard error
// may be a pipe whose reader hangs or has exited: a write to it blocks or fails.
//
//	logger ─▶ Write ─▶ buffer ─▶ one goroutine ─▶ destination
//	          never waits, drops lines that do not fit
package logbuf

import (
	"context"
	"io"
	"sync"
)

// Writer is a log's destination that never blocks. Each call of Write is one line.
type Writer struct {
	dst      io.Writer
	maxBytes int
	report   func(dropped uint64)
	wake     chan struct{} // has an element if there is something to do
	done     chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex // guards the fields below; held for a copy, never for a write
	buffer  []byte
	dropped uint64 // lines since the last report
	total   uint64 // lines dropped
	closed  bool
}

// New returns a Writer that writes to dst and holds at most maxBytes bytes of
// lines that dst has not taken. It calls report, in its own goroutine, with
// the number of lines that were dropped, once there is room again. report may log one
// line, which must fit into maxBytes.
func New(dst io.Writer, maxBytes int, report func(dropped uint64)) *Writer {
	w := &Writer{
		dst:      dst,
		maxBytes: maxBytes,
		report:   report,
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
	}
	go w.writeLoop()
	return w
}

// Write copies line to the buffer, or drops and counts it if it does not fit or w
// is closed. It never waits for the destination and never returns an error.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	if w.closed || len(w.buffer)+len(line) > w.maxBytes {
		w.dropped++
		w.total++
	} else {
		w.buffer = append(w.buffer, line...)
	}
	w.mu.Unlock()
	w.wakeUp()
	return len(line), nil
}

// Dropped returns how many lines w has dropped.
func (w *Writer) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

// Close writes what is in the buffer, and returns when that is done or ctx is done.
// Later lines are dropped. Close may be called once.
func (w *Writer) Close(ctx context.Context) {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wakeUp()
	select {
	case <-w.done:
	case <-ctx.Done():
	}
}

func (w *Writer) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// writeLoop writes the buffer to the destination until w is closed. A failed write
// loses its lines: the destination is gone, and there is nobody to tell.
func (w *Writer) writeLoop() {
	defer close(w.done)
	var spare []byte
	for range w.wake {
		for {
			w.mu.Lock()
			lines, dropped, closed := w.buffer, w.dropped, w.closed
			w.buffer, w.dropped = spare[:0], 0
			w.mu.Unlock()
			if len(lines) > 0 {
				_, _ = w.dst.Write(lines)
			}
			spare = lines
			if dropped > 0 && !closed {
				w.report(dropped)
			}
			if len(lines) == 0 {
				if closed {
					return
				}
				break
			}
		}
	}
}
