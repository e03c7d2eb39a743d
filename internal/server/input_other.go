//go:build !unix

package server

import "net"

// watch does nothing: in waits for one byte before it takes a buffer.
func (in *input) watch(net.Conn) {}
