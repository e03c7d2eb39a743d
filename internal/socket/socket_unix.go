//go:build unix && !linux

package socket

import "syscall"

const hasDescriptors = true

// Send writes as much of text as the socket takes at once, and returns the number of
// bytes. Its errors are of type syscall.Errno: EAGAIN if the socket takes nothing. An empty
// text is an empty datagram.
func Send(fd uintptr, text []byte) (n int, err error) {
	n, err = syscall.Write(int(fd), text)
	return max(0, n), err
}

// TellRest reports that Receive cannot tell whether there is more to read.
func TellRest(uintptr) bool { return false }

// Read reads what has arrived, up to the length of dst, and returns the number of bytes: 0
// at the end of the connection. Its errors are of type syscall.Errno: EAGAIN if nothing has
// arrived. dst must not be empty.
func Read(fd uintptr, dst []byte) (n int, err error) {
	for {
		n, err = syscall.Read(int(fd), dst)
		if err != syscall.EINTR {
			return max(0, n), err
		}
	}
}

// Receive is Read. hasRest is always true: something may be left.
func Receive(fd uintptr, dst []byte) (n int, hasRest bool, err error) {
	n, err = Read(fd, dst)
	return n, true, err
}
