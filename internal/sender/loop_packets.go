package sender

import (
	"bytes"
	"time"
)

// packet returns a packet by its number.
func (l *loop) packet(seq uint64) *buffer { return l.packets[seq-l.base] }

// dequeue takes packets from the queue; with all, the open one too.
func (l *loop) dequeue(all bool) {
	before := len(l.packets)
	l.packets = l.queue.dequeue(l.packets, all)
	now := time.Now()
	for _, b := range l.packets[before:] {
		at := now
		if !l.openedAt.IsZero() {
			at, l.openedAt = l.openedAt, time.Time{}
		}
		b.queuedAt = at
		l.machine.handle(now, event{kind: evSealed, n: len(b.bytes), lines: b.lines})
	}
}

// trim takes those lines off the oldest packet that end within its first n
// bytes, and returns how many bytes and lines that were.
func (l *loop) trim(n int) (size, lines int) {
	b := l.packets[l.removed]
	arrived := b.bytes[:min(n, len(b.bytes))]
	arrived = arrived[:bytes.LastIndexByte(arrived, '\n')+1]
	b.bytes = b.bytes[len(arrived):]
	return len(arrived), bytes.Count(arrived, []byte{'\n'})
}

// remove removes the n oldest packets.
func (l *loop) remove(n int) {
	removed := l.packets[l.removed : l.removed+n]
	l.queue.recycle(removed)
	clear(removed)
	if l.removed += n; l.removed <= len(l.packets)/2 {
		return
	}
	rest := copy(l.packets, l.packets[l.removed:])
	clear(l.packets[rest:])
	l.packets = l.packets[:rest]
	l.base += uint64(l.removed)
	l.removed = 0
}
