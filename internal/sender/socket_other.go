//go:build !linux

package sender

import (
	"net"
	"syscall"
	"time"
)

// errorQueue reads nothing: only Linux returns refused packets. On other systems they
// are lost.
type errorQueue struct{}

func newErrorQueue(*net.UDPConn) *errorQueue { return nil }
func (*errorQueue) pending() error           { return nil }
func (*errorQueue) read() []refusedPacket    { return nil }

// unackedCounter always returns 0: only Linux tells how many bytes a peer has not
// acknowledged. On other systems each written byte counts as acknowledged.
type unackedCounter struct{}

func newUnackedCounter(syscall.Conn, time.Duration) *unackedCounter { return nil }
func (*unackedCounter) unacknowledged() (int, error)                { return 0, nil }
