//go:build !unix

package transport

import "net"

// useDescriptor does nothing: in waits for one byte before it acquires a buffer.
func (in *input) useDescriptor(net.Conn, func() (goesOn bool)) {}

// tryWrite writes nothing.
func (in *input) tryWrite([]byte) (n int) { return 0 }
