package sender

import (
	"errors"
	"syscall"
)

// look hands the machine what the connection knows, and the error of a write.
func (l *loop) look(err error) {
	f := l.conn.facts()
	if err != nil {
		f.err = err
	}
	if l.machine.policy.isUDP {
		l.lookUDP(f, err)
		return
	}
	if l.machine.policy.isStream {
		l.handle(event{kind: evAcked, n: f.acked})
	}
	switch {
	case errors.Is(f.err, syscall.EMSGSIZE):
		l.handle(event{kind: evTooLong})
	case f.err != nil:
		l.news = nil // it stays closed
		if !errors.Is(f.err, errEnded) {
			l.report.sendErrors++
		}
		l.handle(event{kind: evEnded, err: f.err, isClosed: isClosedByServer(f.err)})
	case f.isReplaced:
		l.handle(event{kind: evReplaced})
	}
}

// ipHeaders is how many bytes of an IPv6 packet precede the lines.
const ipHeaders = 40 + 8

// lookUDP hands the machine what became of UDP packets. writeErr is the error of
// a write.
func (l *loop) lookUDP(f facts, writeErr error) {
	first, next := l.machine.flight.firstSeq(), l.machine.flight.nextSeq()
	written := l.packets[first-l.base : next-l.base]
	var refused, cut []returned
	var mtu int
	var isOurs, isPrompt bool
	for _, r := range f.returned {
		if r.err == syscall.EMSGSIZE {
			cut, mtu = append(cut, r), r.mtu
			continue
		}
		refused = append(refused, r)
		isOurs = isOurs || r.isNoNeighbor
		isPrompt = r.isLoopback && r.err == syscall.ECONNREFUSED
		f.err = r.err
	}
	if len(cut) > 0 {
		l.handle(event{kind: evCut, seq: first + uint64(firstQuoted(written, cut)), n: mtu - ipHeaders})
	}
	isTooLong := errors.Is(f.err, syscall.EMSGSIZE)
	switch {
	case f.err != nil && !isTooLong:
		l.report.sendErrors++
		l.handle(event{kind: evRefused, seq: first + uint64(firstQuoted(written, refused)), err: f.err, isOurs: isOurs, isPrompt: isPrompt})
	case isTooLong && len(cut) == 0 && writeErr != nil:
		l.handle(event{kind: evTooLong})
	}
}
