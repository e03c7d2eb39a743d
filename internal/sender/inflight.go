package sender

// inflight holds the datagrams that the send loop has taken, in order. Those that
// were written stay at its start until it is sure that they cannot come back.
//
//	datagrams  [ a b c | d e f ]
//	             ^^^^^   ^^^^^ to be written
//	             written
type inflight struct {
	datagrams []*datagram
	first     int // of those that are still held
	next      int // to be written
}

func (w *inflight) written() []*datagram { return w.datagrams[w.first:w.next] }
func (w *inflight) waiting() []*datagram { return w.datagrams[w.next:] }

// confirm takes the n oldest datagrams out and returns them; they were written.
// The slice is valid until the next call.
func (w *inflight) confirm(n int) []*datagram {
	confirmed := w.datagrams[w.first : w.first+n]
	w.first += n
	return confirmed
}

// rewind makes all that was written wait again, and returns how many they are.
func (w *inflight) rewind() int {
	n := w.next - w.first
	w.next = w.first
	return n
}

// compact frees the room of what was taken out, when that is most of it.
func (w *inflight) compact() {
	if w.first <= len(w.datagrams)/2 {
		return
	}
	n := copy(w.datagrams, w.datagrams[w.first:])
	clear(w.datagrams[n:])
	w.datagrams = w.datagrams[:n]
	w.next -= w.first
	w.first = 0
}
