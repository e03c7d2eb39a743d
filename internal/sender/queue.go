package sender

import (
	"bytes"
	"sync"
	"time"
)

// buffer holds the bytes of a packet.
type buffer struct {
	bytes  []byte // whole lines, joined by line feeds
	memory []byte // what bytes is a part of, with room for one more line feed
	lines  int    // how many lines bytes holds, once the packet is sealed

	queuedAt time.Time // when the first line came
}

// countLines returns how many lines b holds.
func countLines(b []byte) int { return bytes.Count(b, []byte{'\n'}) + 1 }

// queue packs lines into packets, in the order of add, and holds them until the
// loop takes them. Its size is bounded. It is safe for concurrent use.
type queue struct {
	size  int // of a packet, in bytes
	limit int // of packets that wait, the open one apart

	mu       sync.Mutex
	open     *buffer   // being filled, nil if no line waits
	sealed   []*buffer // to be taken, in order
	unsent   int       // packets that the loop has taken and must write
	spare    []*buffer // for reuse
	isClosed bool
	isFull   bool // add has failed, and there was too little room since

	sealedLines, sealedBytes uint64 // of all packets that were ever sealed

	opened chan struct{} // holds a token if open was empty and is not any more
	filled chan struct{} // holds a token if sealed was empty and is not any more
}

func newQueue(size, limit int) *queue {
	return &queue{
		size:   size,
		limit:  limit,
		opened: make(chan struct{}, 1),
		filled: make(chan struct{}, 1),
	}
}

// add accepts lines as Send does.
func (q *queue) add(lines []byte, ends []int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isClosed {
		return ErrClosed
	}
	if q.open == nil || len(q.open.bytes)+1+len(lines) > q.size {
		switch more := q.packets(ends); {
		case more > q.limit:
			return ErrTooLarge
		case len(q.sealed)+q.unsent+more > q.limit:
			return ErrQueueFull
		}
	}
	for start := 0; len(ends) > 0; {
		n := q.fitting(start, ends)
		if n == 0 {
			q.seal()
			continue
		}
		q.append(lines[start:ends[n-1]])
		start, ends = ends[n-1]+1, ends[n:]
	}
	return nil
}

// fitting returns how many groups of lines fit into the open packet. They
// begin at start and have these ends. q.mu is held.
func (q *queue) fitting(start int, ends []int) (n int) {
	room := q.size
	if q.open != nil {
		room -= len(q.open.bytes) + 1
	} else {
		n = 1 // no group is larger than a packet
	}
	for n < len(ends) && ends[n]-start <= room {
		n++
	}
	return n
}

// packets returns how many packets groups of lines with these ends fill, begun
// with an empty one.
func (q *queue) packets(ends []int) int {
	n, begin, start := 1, 0, 0
	for _, end := range ends {
		if end-begin > q.size {
			n++
			begin = start
		}
		start = end + 1
	}
	return n
}

// append adds lines to the open packet, or begins one. The lines must fit. q.mu
// is held.
func (q *queue) append(lines []byte) {
	if q.open == nil {
		q.open = q.newBuffer()
		signal(q.opened)
	} else {
		q.open.bytes = append(q.open.bytes, '\n')
	}
	q.open.bytes = append(q.open.bytes, lines...)
}

// seal ends the open packet. q.mu is held.
func (q *queue) seal() {
	b := q.open
	q.open = nil
	b.lines = countLines(b.bytes)
	q.sealedLines += uint64(b.lines)
	q.sealedBytes += uint64(len(b.bytes))
	q.sealed = append(q.sealed, b)
	if len(q.sealed) == 1 {
		signal(q.filled)
	}
}

// newBuffer returns an empty buffer. q.mu is held.
func (q *queue) newBuffer() *buffer {
	last := len(q.spare) - 1
	if last < 0 {
		memory := make([]byte, 0, q.size+1)
		return &buffer{bytes: memory, memory: memory}
	}
	b := q.spare[last]
	q.spare = q.spare[:last]
	return b
}

// signal leaves a token in c unless one is there.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// dequeue appends the sealed packets to to. With all, it seals the open one
// first.
func (q *queue) dequeue(to []*buffer, all bool) []*buffer {
	q.mu.Lock()
	defer q.mu.Unlock()
	if all && q.open != nil {
		q.seal()
	}
	to = append(to, q.sealed...)
	q.unsent += len(q.sealed)
	clear(q.sealed)
	q.sealed = q.sealed[:0]
	select {
	case <-q.filled:
	default:
	}
	return to
}

// setUnsent says how many of the packets that were taken wait to be written. It
// reports whether the queue was full and is so no more: a tenth of it is free.
func (q *queue) setUnsent(n int) (hasRoomAgain bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.unsent = n
	if !q.isFull || len(q.sealed)+q.unsent > q.limit*9/10 {
		return false
	}
	q.isFull = false
	return true
}

// setFull says that add has failed for want of room. It reports whether the queue was
// not full before.
func (q *queue) setFull() (isNew bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	isNew = !q.isFull
	q.isFull = true
	return isNew
}

// maxSpare is how many bytes of buffers are kept for reuse.
const maxSpare = 2 << 20

// recycle keeps buffers that are not needed any more for reuse.
func (q *queue) recycle(buffers []*buffer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range buffers {
		if len(q.spare) >= maxSpare/q.size {
			return
		}
		b.bytes = b.memory
		q.spare = append(q.spare, b)
	}
}

// close makes every later add fail.
func (q *queue) close() {
	q.mu.Lock()
	q.isClosed = true
	q.mu.Unlock()
}

// queued returns how many lines and bytes were ever accepted.
func (q *queue) queued() (lines, bytes uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines, bytes = q.sealedLines, q.sealedBytes
	if q.open != nil {
		lines += uint64(countLines(q.open.bytes))
		bytes += uint64(len(q.open.bytes))
	}
	return lines, bytes
}
