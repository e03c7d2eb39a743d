//go:build !linux

package sender

import (
	"net"
	"syscall"
)

// errorQueue would read the datagrams that were refused. That is Linux's alone:
// elsewhere they are lost.
type errorQueue struct{}

func newErrorQueue(*net.UDPConn) *errorQueue { return nil }
func (*errorQueue) pending() error           { return nil }
func (*errorQueue) quoted() [][]byte         { return nil }

// counter would count what the peer of a stream has not got. That is Linux's
// alone: elsewhere what is written counts as received.
type counter struct{}

func newCounter(syscall.Conn) *counter        { return nil }
func (*counter) unacknowledged() (int, error) { return 0, nil }
