//go:build !unix

package socket

import "syscall"

// hasDescriptors is false: a Writer writes nothing.
const hasDescriptors = false

// Send is not supported.
func Send(uintptr, []byte) (int, error) { return 0, syscall.EINVAL }
