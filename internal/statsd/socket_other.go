//go:build !linux

package statsd

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

func setStreamTimeout(syscall.Conn) {}

// unacknowledged would tell how much of a stream its peer has not got. That is
// Linux's alone: elsewhere it counts as received.
func unacknowledged(syscall.Conn) (int, error) { return 0, nil }
