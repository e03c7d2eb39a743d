package socket

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const hasDescriptors = true

// Send writes as much of text as the socket takes at once, and returns the number of
// bytes. Its errors are of type syscall.Errno: EAGAIN if the socket takes nothing. An empty
// text is an empty datagram.
func Send(fd uintptr, text []byte) (n int, err error) {
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(text))), uintptr(len(text)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// TellRest has Receive tell whether there is more to read, and reports whether it can:
// with TCP, and since Linux 4.18.
func TellRest(fd uintptr) bool {
	return unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_INQ, 1) == nil
}

// restLength is the length of the control message that TCP_INQ asks for: a header and an
// int, the number of bytes that can be read. At the end of the connection it is 1.
const restLength = unix.SizeofCmsghdr + 4

// Read reads what has arrived, up to the length of dst, and returns the number of bytes: 0
// at the end of the connection. Its errors are of type syscall.Errno: EAGAIN if nothing has
// arrived. dst must not be empty.
func Read(fd uintptr, dst []byte) (n int, err error) {
	for {
		r, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&dst[0])), uintptr(len(dst)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// Receive is Read that also tells whether something is left, which makes the call a tenth
// slower.
//
// hasRest is false if nothing is left, neither bytes nor the end of the connection. It is
// true if there may be something, or if TellRest has not been called.
func Receive(fd uintptr, dst []byte) (n int, hasRest bool, err error) {
	var control [restLength]byte
	n, length, errno := receive(fd, dst, control[:], 0)
	if errno != 0 {
		return 0, true, errno
	}
	hasRest = length < restLength || binary.NativeEndian.Uint32(control[unix.SizeofCmsghdr:]) != 0
	return n, hasRest, nil
}

// ReceiveRefused reads the oldest packet of the error queue of a socket, see MSG_ERRQUEUE
// in recv(2): the beginning of the packet into dst, and what is known about its error into
// control. It returns the number of bytes in both. Its errors are of type syscall.Errno:
// EAGAIN if the queue is empty. dst and control must not be empty.
func ReceiveRefused(fd uintptr, dst, control []byte) (n, controlLength int, err error) {
	n, controlLength, errno := receive(fd, dst, control, unix.MSG_ERRQUEUE)
	if errno != 0 {
		return 0, 0, errno
	}
	return n, controlLength, nil
}

// receive calls recvmsg, again after a signal.
func receive(fd uintptr, dst, control []byte, flags uintptr) (n, controlLength int, errno syscall.Errno) {
	vector := unix.Iovec{Base: &dst[0]}
	vector.SetLen(len(dst))
	message := unix.Msghdr{Iov: &vector, Control: &control[0]}
	message.SetIovlen(1)
	message.SetControllen(len(control))
	for {
		r, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&message)), unix.MSG_DONTWAIT|flags)
		if errno != unix.EINTR {
			return int(r), int(message.Controllen), errno
		}
	}
}

// PendingError returns and clears the pending error of a socket, 0 for none. See SO_ERROR
// in socket(7).
func PendingError(fd uintptr) syscall.Errno {
	var value int32
	size := uint32(unsafe.Sizeof(value))
	// It fails only if fd is no socket.
	_, _, _ = unix.RawSyscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_ERROR, uintptr(unsafe.Pointer(&value)), uintptr(unsafe.Pointer(&size)), 0)
	return syscall.Errno(value)
}

// Unacknowledged returns the number of bytes that the peer of a TCP connection has not
// acknowledged yet. See SIOCOUTQ in tcp(7).
func Unacknowledged(fd uintptr) (n int, err error) {
	var value int32
	if _, _, errno := unix.RawSyscall(unix.SYS_IOCTL, fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(&value))); errno != 0 {
		return 0, errno
	}
	return int(value), nil
}
