package sender

import (
	"bytes"
	"testing"
)

// makePacket returns a sealed packet of size bytes.
func makePacket(m *packetMemory, size int, text byte) *buffer {
	b := m.newBuffer()
	for range size {
		b.bytes = append(b.bytes, text)
	}
	m.seal(b)
	return b
}

func TestPacketsOfABlockDoNotOverlap(t *testing.T) {
	m := newPacketMemory(1432, 1000)
	defer m.free()
	sizes := []int{1, 1432, 700, 1431}
	var packets []*buffer
	for i := range 1000 {
		packets = append(packets, makePacket(&m, sizes[i%len(sizes)], byte(i)))
	}
	for _, b := range packets {
		_ = append(b.bytes, '\n') // as a stream does
	}
	for i, b := range packets {
		if want := bytes.Repeat([]byte{byte(i)}, sizes[i%len(sizes)]); !bytes.Equal(b.bytes, want) {
			t.Fatalf("packet %d: got %d bytes, %.20q…, want %d, %.20q…", i, len(b.bytes), b.bytes, len(want), want)
		}
		if cap(b.bytes) != len(b.bytes)+1 {
			t.Errorf("packet %d has room for %d more bytes, want 1", i, cap(b.bytes)-len(b.bytes))
		}
	}
	for _, b := range packets {
		m.recycle(b)
	}
}

func TestEmptyBlocksAreReused(t *testing.T) {
	const size = 1000
	m := newPacketMemory(size, 1_000_000)
	defer m.free()
	perBlock := minBlockBytes / (size + 1)
	f := func(packets int, wantSpare int) {
		t.Helper()
		var made []*buffer
		blocks := map[*block]bool{}
		for range packets {
			made = append(made, makePacket(&m, size, 'x'))
			blocks[m.block] = true
		}
		if want := (packets + perBlock - 1) / perBlock; len(blocks) != want {
			t.Errorf("%d packets take %d blocks, want %d", packets, len(blocks), want)
		}
		for _, b := range made {
			m.recycle(b)
		}
		if m.block.packets != 0 || m.block.used != 0 {
			t.Errorf("the last block has %d packets and %d bytes in use, want none", m.block.packets, m.block.used)
		}
		if len(m.spareBlocks) != wantSpare || len(m.spare) != min(max(len(made), len(m.spare)), maxSpareBuffers) {
			t.Errorf("after %d packets: %d spare blocks and %d spare buffers, want %d blocks", packets, len(m.spareBlocks), len(m.spare), wantSpare)
		}
	}
	f(1, 0)
	f(perBlock, 0)
	f(perBlock+1, 1)
	f(1, 1)
	f(3*perBlock, 2)
	f(20*perBlock, 8) // 2 MiB
	m.free()
	if m.block != nil || len(m.spareBlocks) > 0 {
		t.Error("blocks are left")
	}
	f(1, 0)
}

// TestOneLargeBlockIsReused has a block that is larger than all that is kept otherwise.
func TestOneLargeBlockIsReused(t *testing.T) {
	const size, perBlock = 65_507, 64
	m := newPacketMemory(size, maxBlocks*perBlock)
	defer m.free()
	var made []*buffer
	for range 2*perBlock + 1 {
		made = append(made, makePacket(&m, size, 'x'))
	}
	for _, b := range made {
		m.recycle(b)
	}
	if m.blockBytes <= maxSpareBytes || len(m.spareBlocks) != 1 {
		t.Errorf("got %d spare blocks of %d bytes, want one", len(m.spareBlocks), m.blockBytes)
	}
}

func TestBlockBytes(t *testing.T) {
	f := func(size, limit, want int) {
		t.Helper()
		if got := newPacketMemory(size, limit).blockBytes; got != want {
			t.Errorf("a queue of %d packets of %d bytes: got blocks of %d bytes, want %d", limit, size, got, want)
		}
	}
	f(1432, 1, 256<<10)
	f(1432, 46_000, 256<<10)
	f(1432, 4096*1000, 1000*1433)
	f(65_507, 1000, 32*65_508)
}
