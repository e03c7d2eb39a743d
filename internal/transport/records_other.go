//go:build !unix

package transport

import (
	"errors"
	"net"
)

// newRecordConn returns nil: TLS reads from the connection itself.
func newRecordConn(net.Conn) *recordConn { return nil }

func (*recordConn) wait() error { return errors.ErrUnsupported }
