package sender

import (
	"bytes"
	"sync"
	"time"
)

// datagram is what one write sends: a UDP or Unix datagram, or a piece of a
// stream.
type datagram struct {
	bytes  []byte    // whole lines, joined by line feeds
	memory []byte    // what bytes is a part of, with room for one more line feed
	sent   time.Time // when it was written
}

// lines returns how many lines d holds.
func (d *datagram) lines() int {
	return bytes.Count(d.bytes, []byte{'\n'}) + 1
}

// queue packs lines into datagrams, in the order of add, and holds them until
// the send loop takes them. Its size is bounded. It is safe for concurrent use.
type queue struct {
	size  int // of a datagram, in bytes
	limit int // of datagrams that wait, the open one apart

	mu      sync.Mutex
	open    *datagram   // being filled, nil where no line waits
	full    []*datagram // to be taken, in order
	taken   int         // datagrams that the send loop still has to write
	arrived int         // bytes that came since the last take
	spare   []*datagram // for reuse
	closed  bool

	opened chan struct{} // holds a token when open was empty and is not any more
	filled chan struct{} // holds a token when full was empty and is not any more
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
	if q.closed {
		return ErrClosed
	}
	if q.open == nil || len(q.open.bytes)+1+len(lines) > q.size {
		switch more := q.datagrams(ends); {
		case more > q.limit:
			return ErrTooLarge
		case len(q.full)+q.taken+more > q.limit:
			return ErrQueueFull
		}
	}
	for start := 0; len(ends) > 0; {
		n := q.fitting(start, ends)
		if n == 0 {
			q.closeOpen()
			continue
		}
		q.append(lines[start:ends[n-1]])
		start, ends = ends[n-1]+1, ends[n:]
	}
	q.arrived += len(lines)
	return nil
}

// fitting returns how many groups of lines fit into the open datagram. They
// begin at start and have these ends. q.mu is held.
func (q *queue) fitting(start int, ends []int) (n int) {
	room := q.size
	if q.open != nil {
		room -= len(q.open.bytes) + 1
	} else {
		n = 1 // no group is larger than a datagram
	}
	for n < len(ends) && ends[n]-start <= room {
		n++
	}
	return n
}

// datagrams returns how many datagrams groups of lines with these ends fill,
// begun with an empty one.
func (q *queue) datagrams(ends []int) int {
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

// append adds lines to the open datagram, which they fit into, or begins one.
// q.mu is held.
func (q *queue) append(lines []byte) {
	if q.open == nil {
		q.open = q.newDatagram()
		signal(q.opened)
	} else {
		q.open.bytes = append(q.open.bytes, '\n')
	}
	q.open.bytes = append(q.open.bytes, lines...)
}

// closeOpen makes the open datagram a full one. q.mu is held.
func (q *queue) closeOpen() {
	q.full = append(q.full, q.open)
	q.open = nil
	if len(q.full) == 1 {
		signal(q.filled)
	}
}

// newDatagram returns an empty datagram. q.mu is held.
func (q *queue) newDatagram() *datagram {
	last := len(q.spare) - 1
	if last < 0 {
		memory := make([]byte, 0, q.size+1)
		return &datagram{bytes: memory, memory: memory}
	}
	d := q.spare[last]
	q.spare = q.spare[:last]
	return d
}

// signal leaves a token in c unless one is there.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// dequeue appends the datagrams that wait to to: the full ones, and the open one
// too with all. arrived is how many bytes of lines came since the last call.
func (q *queue) dequeue(to []*datagram, all bool) (taken []*datagram, arrived int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if all && q.open != nil {
		q.closeOpen()
	}
	to = append(to, q.full...)
	q.taken += len(q.full)
	clear(q.full)
	q.full = q.full[:0]
	select {
	case <-q.filled:
	default:
	}
	arrived, q.arrived = q.arrived, 0
	return to, arrived
}

// written counts n datagrams that were taken as written, or, with a negative
// n, as to be written again.
func (q *queue) written(n int) {
	q.mu.Lock()
	q.taken -= n
	q.mu.Unlock()
}

// maxSpare is how many bytes of datagrams are kept for reuse.
const maxSpare = 2 << 20

// recycle keeps datagrams that nobody needs any more for reuse.
func (q *queue) recycle(datagrams []*datagram) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range datagrams {
		if len(q.spare) >= maxSpare/q.size {
			return
		}
		d.bytes = d.memory
		q.spare = append(q.spare, d)
	}
}

// close makes every later add fail.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
}
