package sender

import "time"

// packet is what the machine knows about a packet. Its bytes are elsewhere.
type packet struct {
	bytes int
	lines int
	sent  time.Time // when it was written last
}

// inflight is the order of the packets that the loop has taken from the queue.
// Those that were written stay at its start until they cannot come back. Each
// packet has a number, which it keeps.
//
//	packets  [ a b c | d e f ]
//	           ^^^^^   ^^^^^ waiting
//	           written
//	number     7 8 9  10 11 12
type inflight struct {
	packets []packet
	base    uint64 // number of packets[0]
	first   int    // index of the oldest written one
	next    int    // index of the first one that waits

	writtenBytes int
	waitingBytes int
}

func (f *inflight) written() []packet { return f.packets[f.first:f.next] }
func (f *inflight) waiting() []packet { return f.packets[f.next:] }

// firstSeq returns the number of the oldest packet, nextSeq that of the first
// one that waits.
func (f *inflight) firstSeq() uint64 { return f.base + uint64(f.first) }
func (f *inflight) nextSeq() uint64  { return f.base + uint64(f.next) }

// add appends a packet that waits.
func (f *inflight) add(bytes, lines int) {
	f.packets = append(f.packets, packet{bytes: bytes, lines: lines})
	f.waitingBytes += bytes
}

// wrote moves the first packet that waits to those in flight.
func (f *inflight) wrote(now time.Time) {
	p := &f.packets[f.next]
	p.sent = now
	f.next++
	f.writtenBytes += p.bytes
	f.waitingBytes -= p.bytes
}

// confirm removes the n oldest packets, which were written, and returns how
// many bytes and lines they hold.
func (f *inflight) confirm(n int) (bytes, lines int) {
	for _, p := range f.packets[f.first : f.first+n] {
		bytes += p.bytes
		lines += p.lines
	}
	f.first += n
	f.writtenBytes -= bytes
	f.compact()
	return bytes, lines
}

// rewind makes packet seq and all after it wait again.
func (f *inflight) rewind(seq uint64) {
	to := int(min(max(seq, f.firstSeq()), f.nextSeq()) - f.base)
	for _, p := range f.packets[to:f.next] {
		f.writtenBytes -= p.bytes
		f.waitingBytes += p.bytes
	}
	f.next = to
}

// trim takes bytes and lines off the oldest packet, which waits.
func (f *inflight) trim(bytes, lines int) {
	f.packets[f.first].bytes -= bytes
	f.packets[f.first].lines -= lines
	f.waitingBytes -= bytes
}

// drop empties the first packet that waits, and returns how many bytes and
// lines it held.
func (f *inflight) drop() (bytes, lines int) {
	p := &f.packets[f.next]
	bytes, lines = p.bytes, p.lines
	f.waitingBytes -= bytes
	p.bytes, p.lines = 0, 0
	return bytes, lines
}

// dropAll removes all packets that wait, and returns how many bytes and lines
// they hold.
func (f *inflight) dropAll() (bytes, lines int) {
	for _, p := range f.waiting() {
		bytes += p.bytes
		lines += p.lines
	}
	f.packets = f.packets[:f.next]
	f.waitingBytes -= bytes
	return bytes, lines
}

// compact frees the room of removed packets if that is most of it.
func (f *inflight) compact() {
	if f.first <= len(f.packets)/2 {
		return
	}
	n := copy(f.packets, f.packets[f.first:])
	f.packets = f.packets[:n]
	f.base += uint64(f.first)
	f.next -= f.first
	f.first = 0
}
