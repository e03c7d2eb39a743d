//go:build !linux

package sender

import (
	"net"
	"syscall"
	"time"
)

// errorQueue would read the packets that came back. Only Linux offers that:
// elsewhere they are lost.
type errorQueue struct{}

func newErrorQueue(*net.UDPConn) *errorQueue { return nil }
func (*errorQueue) pending() error           { return nil }
func (*errorQueue) read() []returned         { return nil }

// counter would count the bytes that the peer of a stream has not got. Only
// Linux offers that: elsewhere what is written counts as received.
type counter struct{}

func newCounter(syscall.Conn, time.Duration) *counter { return nil }
func (*counter) unacknowledged() (int, error)         { return 0, nil }
