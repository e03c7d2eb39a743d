package sender

import "time"

// packet is what the machine knows about a packet. The loop has its bytes.
type packet struct {
	bytes int
	lines int
	sent  time.Time // when it was last written
}

// packetList lists the packets that the loop has taken from the queue, in order.
// The packets in flight come first: they stay in the list until they are confirmed.
// The waiting packets follow: they are not written yet, or must be written once
// more. The number of a packet never changes.
//
//	packets  [ a b c | d e f ]
//	           ^^^^^   ^^^^^ waiting
//	           written
//	number     7 8 9  10 11 12
type packetList struct {
	list  []packet
	base  uint64 // the number of list[0]
	first int    // the index of the oldest packet that is not confirmed
	next  int    // the index of the first waiting packet

	writtenBytes int
	waitingBytes int
}

func (f *packetList) written() []packet { return f.list[f.first:f.next] }
func (f *packetList) waiting() []packet { return f.list[f.next:] }

// firstSeq returns the number of the oldest packet.
func (f *packetList) firstSeq() uint64 { return f.base + uint64(f.first) }

// nextSeq returns the number of the first waiting packet.
func (f *packetList) nextSeq() uint64 { return f.base + uint64(f.next) }

// add appends a waiting packet.
func (f *packetList) add(bytes, lines int) {
	f.list = append(f.list, packet{bytes: bytes, lines: lines})
	f.waitingBytes += bytes
}

// markWritten records that the first waiting packet was written: it is in flight now.
func (f *packetList) markWritten(now time.Time) {
	p := &f.list[f.next]
	p.sent = now
	f.next++
	f.writtenBytes += p.bytes
	f.waitingBytes -= p.bytes
}

// confirm removes the n oldest packets in flight and returns the number of their
// bytes and lines.
func (f *packetList) confirm(n int) (bytes, lines int) {
	for _, p := range f.list[f.first : f.first+n] {
		bytes += p.bytes
		lines += p.lines
	}
	f.first += n
	f.writtenBytes -= bytes
	f.compact()
	return bytes, lines
}

// rewind makes packet seq and all packets after it waiting packets again.
func (f *packetList) rewind(seq uint64) {
	to := int(min(max(seq, f.firstSeq()), f.nextSeq()) - f.base)
	for _, p := range f.list[to:f.next] {
		f.writtenBytes -= p.bytes
		f.waitingBytes += p.bytes
	}
	f.next = to
}

// trim subtracts bytes and lines from the size of the oldest packet. No packet may be
// in flight.
func (f *packetList) trim(bytes, lines int) {
	f.list[f.first].bytes -= bytes
	f.list[f.first].lines -= lines
	f.waitingBytes -= bytes
}

// drop empties the first waiting packet and returns the number of its bytes and
// lines. The empty packet stays in the list.
func (f *packetList) drop() (bytes, lines int) {
	p := &f.list[f.next]
	bytes, lines = p.bytes, p.lines
	f.waitingBytes -= bytes
	p.bytes, p.lines = 0, 0
	return bytes, lines
}

// dropAll removes all waiting packets and returns the number of their bytes and
// lines.
func (f *packetList) dropAll() (bytes, lines int) {
	for _, p := range f.waiting() {
		bytes += p.bytes
		lines += p.lines
	}
	f.list = f.list[:f.next]
	f.waitingBytes -= bytes
	return bytes, lines
}

// compact frees the memory of removed packets if they take more than half of the list.
func (f *packetList) compact() {
	if f.first <= len(f.list)/2 {
		return
	}
	n := copy(f.list, f.list[f.first:])
	f.list = f.list[:n]
	f.base += uint64(f.first)
	f.next -= f.first
	f.first = 0
}
