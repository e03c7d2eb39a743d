package sender

// packetMemory holds the bytes of the packets of a queue, in blocks outside of Go's heap.
// The garbage collector lets the heap grow to twice the size of what is in use, so a
// queue in the heap would take twice its size. The packets of a block lie one after the
// other, without gaps. Packets are removed in the order in which they were made, so few
// blocks are only partly in use.
//
//	block  a:1|c↵b:1|c␣ c:1|c␣ d:1|c↵e:1
//	       └ sealed ─┘  └───┘  └ open ─┘
//	                           ▲ used
type packetMemory struct {
	packetBytes int // what a packet takes before it is sealed
	blockBytes  int
	block       *block    // the block of the open packet and of the next ones, or nil
	spareBlocks []*block  // empty blocks for reuse
	spare       []*buffer // buffers without bytes, for reuse
}

// block is the memory of several packets.
type block struct {
	bytes   []byte
	used    int // the number of bytes at the start that are in use
	packets int // the number of packets in the block
}

const (
	// minBlockBytes and minBlockPackets are the minimum size of a block, in bytes and in
	// packets that are full. At the end of a block, less than one packet is unused.
	minBlockBytes   = 256 << 10
	minBlockPackets = 32

	// maxBlocks is the maximum number of blocks that a full queue takes. Linux limits the
	// number of mappings of a process (vm.max_map_count in
	// https://docs.kernel.org/admin-guide/sysctl/vm.html, 65530).
	maxBlocks = 4096

	// maxSpareBytes is the maximum size of all blocks that are kept for reuse. At least
	// one block is kept.
	maxSpareBytes = 2 << 20

	// maxSpareBuffers is the maximum number of buffers that are kept for reuse.
	maxSpareBuffers = 2048
)

// newPacketMemory returns memory for up to limit packets of size bytes.
func newPacketMemory(size, limit int) packetMemory {
	n := size + 1 // each packet has room for one more line feed
	return packetMemory{
		packetBytes: n,
		blockBytes:  max(minBlockBytes, minBlockPackets*n, limit/maxBlocks*n),
	}
}

// newBuffer returns an empty buffer with room for a packet. The caller must seal it
// before it calls newBuffer again.
func (m *packetMemory) newBuffer() *buffer {
	b := m.reuseBuffer()
	if m.block == nil || len(m.block.bytes)-m.block.used < m.packetBytes {
		m.block = m.newBlock()
	}
	start := m.block.used
	b.bytes = m.block.bytes[start : start : start+m.packetBytes]
	b.block = m.block
	b.block.packets++
	return b
}

// seal gives the memory that b does not use to the next packet.
func (m *packetMemory) seal(b *buffer) {
	size := len(b.bytes)
	b.bytes = b.bytes[: size : size+1]
	b.block.used += size + 1
}

// recycle releases the memory of b. The caller must not use b afterwards.
func (m *packetMemory) recycle(b *buffer) {
	k := b.block
	b.bytes, b.block, b.lines = nil, nil, 0
	if len(m.spare) < maxSpareBuffers {
		m.spare = append(m.spare, b)
	}
	if k.packets--; k.packets > 0 {
		return
	}
	k.used = 0
	if k != m.block {
		m.release(k)
	}
}

// release keeps an empty block for reuse or frees it.
func (m *packetMemory) release(k *block) {
	if len(m.spareBlocks) < max(1, maxSpareBytes/m.blockBytes) {
		m.spareBlocks = append(m.spareBlocks, k)
		return
	}
	freeMemory(k.bytes)
}

func (m *packetMemory) reuseBuffer() *buffer {
	last := len(m.spare) - 1
	if last < 0 {
		return &buffer{}
	}
	b := m.spare[last]
	m.spare = m.spare[:last]
	return b
}

func (m *packetMemory) newBlock() *block {
	last := len(m.spareBlocks) - 1
	if last < 0 {
		return &block{bytes: allocateMemory(m.blockBytes)}
	}
	k := m.spareBlocks[last]
	m.spareBlocks = m.spareBlocks[:last]
	return k
}

// free frees all blocks without packets.
func (m *packetMemory) free() {
	if m.block != nil && m.block.packets == 0 {
		m.spareBlocks = append(m.spareBlocks, m.block)
		m.block = nil
	}
	for _, k := range m.spareBlocks {
		freeMemory(k.bytes)
	}
	m.spareBlocks = nil
}
