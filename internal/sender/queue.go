package sender

import (
	"bytes"
	"sync"
)

// buffer holds the bytes of a packet.
type buffer struct {
	bytes []byte // whole lines, separated by line feeds; the capacity has room for one more line feed
	block *block // the memory of bytes
	lines int    // the number of lines

	// queuedAt is the time when the packet got its first line, in nanoseconds of Unix
	// time. A full queue has so many packets that the size of a time.Time matters.
	queuedAt int64
}

// countLines returns the number of lines in b.
func countLines(b []byte) int { return bytes.Count(b, []byte{'\n'}) + 1 }

// queue packs lines into packets, in the order of the calls of add, and keeps the
// packets until the loop takes them. Its size is limited. It is safe for concurrent use.
//
// The open packet still gets lines. When it is sealed, it gets no more, and the loop
// can take it.
type queue struct {
	size  int // of a packet, in bytes
	limit int // the maximum number of sealed and unsent packets

	mu       sync.Mutex
	open     *buffer   // the open packet, or nil
	sealed   []*buffer // the sealed packets, in order
	unsent   int       // the number of packets that the loop has taken and not written
	memory   packetMemory
	isClosed bool
	isFull   bool // add has failed, and there was too little room since

	sealedLines, sealedBytes uint64 // in all packets that were sealed since the start

	opened chan struct{} // receives an element when a packet is opened
	filled chan struct{} // receives an element when sealed gets its first packet
}

func newQueue(size, limit int) *queue {
	return &queue{
		size:   size,
		limit:  limit,
		memory: newPacketMemory(size, limit),
		opened: make(chan struct{}, 1),
		filled: make(chan struct{}, 1),
	}
}

// add accepts lines or returns an error, as Send does.
func (q *queue) add(lines []byte, ends []int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isClosed {
		return ErrClosed
	}
	if q.open == nil || len(q.open.bytes)+1+len(lines) > q.size {
		switch more := q.countPackets(ends); {
		case more > q.limit:
			return ErrTooLarge
		case len(q.sealed)+q.unsent+more > q.limit:
			return ErrQueueFull
		}
	}
	for start := 0; len(ends) > 0; {
		n := q.countFitting(start, ends)
		if n == 0 {
			q.seal()
			continue
		}
		q.append(lines[start:ends[n-1]])
		start, ends = ends[n-1]+1, ends[n:]
	}
	return nil
}

// countFitting returns how many groups of lines fit into the open packet, or into a new
// one. The first group begins at start, and ends holds the ends of all groups. The caller
// holds q.mu.
func (q *queue) countFitting(start int, ends []int) (n int) {
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

// countPackets returns the number of packets that groups of lines fill, beginning with an
// empty packet. ends holds the ends of the groups.
func (q *queue) countPackets(ends []int) int {
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

// append adds lines to the open packet, which has room for them. If there is no open
// packet, append opens one. The caller holds q.mu.
func (q *queue) append(lines []byte) {
	if q.open == nil {
		q.open = q.memory.newBuffer()
		signal(q.opened)
	} else {
		q.open.bytes = append(q.open.bytes, '\n')
	}
	q.open.lines += countLines(lines)
	q.open.bytes = append(q.open.bytes, lines...)
}

// seal seals the open packet. The caller holds q.mu.
func (q *queue) seal() {
	b := q.open
	q.open = nil
	q.memory.seal(b)
	q.sealedLines += uint64(b.lines)
	q.sealedBytes += uint64(len(b.bytes))
	q.sealed = append(q.sealed, b)
	if len(q.sealed) == 1 {
		signal(q.filled)
	}
}

// signal puts an element into c unless c is full. c has room for one element.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// dequeue removes the sealed packets from q and appends them to dst. If all is true, it
// seals the open packet first.
func (q *queue) dequeue(dst []*buffer, all bool) []*buffer {
	q.mu.Lock()
	defer q.mu.Unlock()
	if all && q.open != nil {
		q.seal()
	}
	dst = append(dst, q.sealed...)
	q.unsent += len(q.sealed)
	clear(q.sealed)
	q.sealed = q.sealed[:0]
	select {
	case <-q.filled:
	default:
	}
	return dst
}

// setUnsent sets the number of packets that the loop has taken and not written. They
// count towards the limit. setUnsent reports whether the queue was full and has room
// again: a tenth of the limit is free.
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

// recycle releases the memory of packets. The caller must not use them afterwards.
func (q *queue) recycle(buffers []*buffer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range buffers {
		q.memory.recycle(b)
	}
}

// free frees the memory that holds no packets.
func (q *queue) free() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.memory.free()
}

// close makes later calls of add return ErrClosed.
func (q *queue) close() {
	q.mu.Lock()
	q.isClosed = true
	q.mu.Unlock()
}

// queued returns the number of lines and bytes that were accepted since the start.
func (q *queue) queued() (lines, bytes uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines, bytes = q.sealedLines, q.sealedBytes
	if q.open != nil {
		lines += uint64(q.open.lines)
		bytes += uint64(len(q.open.bytes))
	}
	return lines, bytes
}
