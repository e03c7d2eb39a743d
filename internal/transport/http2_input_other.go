//go:build !unix

package transport

import "syscall"

// newSecureInput returns an input that waits for one byte before it acquires a buffer.
func newSecureInput(in *input, _ *handshakeConn, _ syscall.RawConn) http2Input { return http2Input{in} }
