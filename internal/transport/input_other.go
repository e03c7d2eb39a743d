//go:build !unix

package transport

import "net"

// useDescriptor does nothing: in waits for one byte before it acquires a buffer.
func (in *input) useDescriptor(net.Conn) {}
