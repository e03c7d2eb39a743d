package sender

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// controlMessage returns a control message as the kernel writes it.
func controlMessage(level, kind int, data []byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(data))))
	binary.NativeEndian.PutUint32(b[8:], uint32(level))
	binary.NativeEndian.PutUint32(b[12:], uint32(kind))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

// extendedError returns a sock_extended_err with the address of a host.
func extendedError(errno syscall.Errno, origin, kind, code byte, info uint32, offender string) []byte {
	b := make([]byte, 16+28)
	binary.NativeEndian.PutUint32(b, uint32(errno))
	b[4], b[5], b[6] = origin, kind, code
	binary.NativeEndian.PutUint32(b[8:], info)
	if a := netip.MustParseAddr(offender); a.Is4() {
		copy(b[20:], a.AsSlice())
		return b[:16+16]
	} else {
		copy(b[24:], a.AsSlice())
		return b
	}
}

func TestParseControlMessages(t *testing.T) {
	const v4, v6 = unix.SO_EE_ORIGIN_ICMP, unix.SO_EE_ORIGIN_ICMP6
	const refused, unreachable, tooLong = syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.EMSGSIZE
	f := func(local string, err []byte, interfaceIndex uint32, want refusedPacket) {
		t.Helper()
		q := &errorQueue{local: netip.MustParseAddr(local)}
		level, kind, info := unix.IPPROTO_IP, unix.IP_RECVERR, make([]byte, 12)
		infoKind, offset := unix.IP_PKTINFO, 0
		if q.local.Is6() {
			level, kind, info = unix.IPPROTO_IPV6, unix.IPV6_RECVERR, make([]byte, 20)
			infoKind, offset = unix.IPV6_PKTINFO, 16
		}
		binary.NativeEndian.PutUint32(info[offset:], interfaceIndex)
		control := append(controlMessage(level, infoKind, info), controlMessage(level, kind, err)...)
		if got := q.parse(control); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	f("127.0.0.1", extendedError(refused, v4, 3, 3, 0, "127.0.0.1"), 1, refusedPacket{err: refused, isLoopback: true})
	f("192.0.2.1", extendedError(refused, v4, 3, 3, 0, "192.0.2.2"), 2, refusedPacket{err: refused})
	f("192.0.2.1", extendedError(unreachable, v4, 3, 1, 0, "192.0.2.1"), 1, refusedPacket{err: unreachable, isLoopback: true, isNoNeighbor: true})
	f("192.0.2.1", extendedError(unreachable, v4, 3, 1, 0, "192.0.2.3"), 2, refusedPacket{err: unreachable})
	f("192.0.2.1", extendedError(unreachable, v4, 3, 10, 0, "192.0.2.1"), 1, refusedPacket{err: unreachable, isLoopback: true})
	f("192.0.2.1", extendedError(unreachable, v4, 11, 1, 0, "192.0.2.1"), 2, refusedPacket{err: unreachable})
	f("fd00::1", extendedError(refused, v6, 1, 4, 0, "fd00::2"), 2, refusedPacket{err: refused})
	f("fd00::1", extendedError(unreachable, v6, 1, 3, 0, "fd00::1"), 1, refusedPacket{err: unreachable, isLoopback: true, isNoNeighbor: true})
	f("fd00::1", extendedError(unreachable, v6, 1, 3, 0, "fd00::3"), 2, refusedPacket{err: unreachable})
	f("fd00::1", extendedError(unreachable, v6, 1, 4, 0, "fd00::1"), 2, refusedPacket{err: unreachable})
	f("fd00::1", extendedError(unreachable, v6, 2, 3, 0, "fd00::1"), 2, refusedPacket{err: unreachable})
	f("fd00::1", extendedError(tooLong, v6, 2, 0, 1280, "fd00::1"), 2, refusedPacket{err: tooLong, mtu: 1280})
	// What is too short says nothing.
	q := &errorQueue{local: netip.MustParseAddr("192.0.2.1")}
	err := extendedError(refused, v4, 3, 3, 0, "192.0.2.2")
	for _, control := range [][]byte{
		nil,
		{1, 2, 3},
		controlMessage(unix.IPPROTO_IP, unix.IP_RECVERR, err[:23]),
		controlMessage(unix.IPPROTO_IP, unix.IP_PKTINFO, []byte{1, 0, 0}),
		controlMessage(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, append(make([]byte, 16), 1, 0, 0)),
	} {
		if got := q.parse(control); !reflect.DeepEqual(got, refusedPacket{}) {
			t.Errorf("%v: got %+v", control, got)
		}
	}
}
