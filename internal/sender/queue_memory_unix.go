//go:build unix

package sender

import "golang.org/x/sys/unix"

// allocateMemory returns n bytes outside of Go's heap. If the kernel has none, it
// returns memory of the heap. The caller must call freeMemory.
func allocateMemory(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return make([]byte, n)
	}
	return b
}

// freeMemory frees memory that allocateMemory has returned. No slice may refer to it any
// more.
func freeMemory(b []byte) {
	_ = unix.Munmap(b) // it fails for memory of the heap, which the garbage collector frees
}
