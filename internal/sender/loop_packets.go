package sender

import (
	"bytes"
	"time"
)

// packet returns the packet with the given number.
func (l *loop) packet(seq uint64) *buffer { return l.packets[seq-l.base] }

// dequeue takes the sealed packets from the queue. If all is true, it also takes the
// open one.
func (l *loop) dequeue(all bool) {
	before := len(l.packets)
	l.packets = l.queue.dequeue(l.packets, all)
	l.now = time.Now()
	for _, b := range l.packets[before:] {
		at := l.now // the first packet may be the open one, whose time is known
		if !l.openedAt.IsZero() {
			at, l.openedAt = l.openedAt, time.Time{}
		}
		b.queuedAt = at.UnixNano()
		l.machine.handle(l.now, event{kind: evPacketSealed, n: len(b.bytes), lines: b.lines})
	}
}

// trim removes the lines of the oldest packet that end within its first n bytes. It
// returns the number of their bytes and lines.
func (l *loop) trim(n int) (size, lines int) {
	b := l.packets[l.removed]
	arrived := b.bytes[:min(n, len(b.bytes))]
	arrived = arrived[:bytes.LastIndexByte(arrived, '\n')+1]
	b.bytes = b.bytes[len(arrived):]
	return len(arrived), bytes.Count(arrived, []byte{'\n'})
}

// remove removes the n oldest packets and recycles their buffers.
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
