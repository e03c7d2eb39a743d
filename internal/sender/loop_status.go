package sender

import (
	"errors"
	"syscall"
	"time"
)

// checkConn passes the status of the connection to the machine. err is the error of a
// write, or nil.
func (l *loop) checkConn(err error) {
	start := time.Now() // later news may be missing in the status
	f := l.conn.status()
	if err != nil {
		f.err = err
	}
	if l.machine.policy.isUDP {
		l.checkUDP(f, err)
	} else {
		l.checkPeer(f)
	}
	l.handle(event{kind: evChecked, checkedAt: start})
}

// checkPeer passes the status f of a stream or of a Unix socket to the machine.
func (l *loop) checkPeer(f connStatus) {
	if l.machine.policy.isStream {
		l.handle(event{kind: evAcked, n: f.acked})
	}
	switch {
	case errors.Is(f.err, syscall.EMSGSIZE):
		l.handle(event{kind: evTooLong})
	case f.err != nil:
		l.statusChanged = nil // the channel stays closed
		if !errors.Is(f.err, errEnded) {
			l.report.sendErrors++
		}
		l.handle(event{kind: evConnEnded, err: f.err, isClosed: isClosedByServer(f.err)})
	case f.isReplaced:
		l.handle(event{kind: evSocketReplaced})
	}
}

// ipHeaders is the number of bytes of IPv6 and UDP headers before the lines.
const ipHeaders = 40 + 8

// checkUDP passes the refused UDP packets of f to the machine. writeErr is the error of
// a write, or nil.
func (l *loop) checkUDP(f connStatus, writeErr error) {
	first, next := l.machine.packets.firstSeq(), l.machine.packets.nextSeq()
	written := l.packets[first-l.base : next-l.base]
	var refused, overMTU []refusedPacket
	var mtu int
	var isOurs, isPrompt bool
	for _, r := range f.refused {
		if r.err == syscall.EMSGSIZE {
			overMTU, mtu = append(overMTU, r), r.mtu
			continue
		}
		refused = append(refused, r)
		isOurs = isOurs || r.isNoNeighbor
		isPrompt = r.isLoopback && r.err == syscall.ECONNREFUSED
		f.err = r.err
	}
	if len(overMTU) > 0 {
		l.handle(event{kind: evMTUExceeded, seq: first + uint64(firstQuoted(written, overMTU)), n: mtu - ipHeaders})
	}
	isTooLong := errors.Is(f.err, syscall.EMSGSIZE)
	switch {
	case f.err != nil && !isTooLong:
		l.report.sendErrors++
		l.handle(event{kind: evRefused, seq: first + uint64(firstQuoted(written, refused)), err: f.err, isFromOwnHost: isOurs, isPrompt: isPrompt})
	case isTooLong && len(overMTU) == 0 && writeErr != nil:
		l.handle(event{kind: evTooLong})
	}
}
