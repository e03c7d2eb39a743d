//go:build !unix

package sender

// allocateMemory returns n bytes. The caller must call freeMemory.
func allocateMemory(n int) []byte { return make([]byte, n) }

// freeMemory does nothing: the garbage collector frees the memory.
func freeMemory([]byte) {}
