package sender

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// FuzzMachine hands a machine random events and checks what must always hold.
func FuzzMachine(f *testing.F) {
	f.Add([]byte("any bytes will do \x00\x01\x02\x03\x04\x05\x06\x07\x08"), uint8(0))
	f.Add([]byte("\x02\x02\x02\x10\x11\x12\x05\x06\x00\x0b\x0c\x0d\x0e\x0f\x15\x15"), uint8(1))
	for network := range uint8(4) {
		for seed := range byte(20) {
			var data []byte
			for i := range byte(200) {
				data = append(data, i*seed^i>>3+seed)
			}
			f.Add(data, network)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, network uint8) {
		n := []string{UDP, TCP, Unix, Unixgram}[network%4]
		var traces [2]string
		for i := range traces {
			traces[i] = fuzzMachine(t, n, data)
		}
		if traces[0] != traces[1] {
			t.Error("the same events give other actions")
		}
	})
}

// fuzzMachine is a loop whose events are data. It returns what the machine did.
func fuzzMachine(t *testing.T, network string, data []byte) string {
	var trace strings.Builder
	data = data[:min(len(data), 2000)]
	p := newPolicy(network)
	p.maxInFlight = 2000
	if p.isUDP {
		p.renewInterval = time.Second
	}
	m := newMachine(p, 1)
	now := time.Unix(1000, 0)
	var queued, confirmed, lost, trimmed int // lines
	var isConnected, isDialing, isClosing bool
	wireBytes := 0
	silence := silenceCheck{t: t, m: m}
	check := func(e event) {
		silence.before(e)
		m.handle(now, e)
		silence.after(e)
		if f := &m.packets; f.first > f.next || f.next > len(f.list) {
			t.Fatalf("%v: packets are in no order: %d %d %d", e, f.first, f.next, len(f.list))
		}
		written, waiting, lines := 0, 0, 0
		for _, q := range m.packets.written() {
			written += q.bytes
			lines += q.lines
		}
		for _, q := range m.packets.waiting() {
			waiting += q.bytes
			lines += q.lines
		}
		if written != m.packets.writtenBytes || waiting != m.packets.waitingBytes {
			t.Fatalf("%v: %d and %d bytes, want %d and %d", e, m.packets.writtenBytes, m.packets.waitingBytes, written, waiting)
		}
		pending := 0 // lines of actions that are still to be carried out
		for _, a := range m.todo[min(m.todoDone, len(m.todo)):] {
			if a.kind == actConfirm || a.kind == actDrop {
				pending += a.lines
			}
		}
		if got := lines + confirmed + lost + trimmed + pending; got != queued {
			t.Fatalf("%v: %d lines are somewhere, want %d", e, got, queued)
		}
	}
	nextByte := func() (b byte) {
		if len(data) > 0 {
			b, data = data[0], data[1:]
		}
		return b
	}
	for range 20_000 {
		a := m.next(now)
		trace.WriteString(a.String() + "\n")
		if again := m.next(now); again.String() != a.String() {
			t.Fatalf("next is %v, then %v", a, again)
		}
		switch a.kind {
		case actStop:
			if queued != confirmed+lost+trimmed {
				t.Fatalf("%d lines were queued, %d sent, %d lost, %d trimmed", queued, confirmed, lost, trimmed)
			}
			return trace.String()
		case actDial:
			if isConnected || isDialing {
				t.Fatal("a second connection")
			}
			isDialing = true
			check(event{kind: evActionDone, done: actDial})
		case actClose:
			if !isConnected {
				t.Fatal("there is no connection to close")
			}
			isConnected = false
			check(event{kind: evActionDone, done: actClose})
		case actWrite, actProbe, actFinish, actCheck, actRenew, actCloseOld:
			if !isConnected {
				t.Fatalf("%v without a connection", a)
			}
			switch b := nextByte(); {
			case a.kind == actCheck && b%4 == 0 && network == UDP:
				check(event{kind: evRefused, seq: m.packets.firstSeq() + uint64(b%8), err: errTest, isPrompt: b < 100})
			case a.kind == actCheck:
				start := now
				now = now.Add(time.Duration(b) * time.Millisecond / 16)
				check(event{kind: evChecked, checkedAt: start})
			case a.kind != actWrite:
				check(event{kind: evActionDone, done: a.kind})
			case b%8 == 0:
				check(event{kind: evBlocked})
			case b%8 == 1 && (network == UDP || network == Unixgram):
				check(event{kind: evTooLong})
			default:
				if q := m.packets.list[a.seq-m.packets.base]; true {
					wireBytes += q.bytes + 1
				}
				check(event{kind: evWrote, seq: a.seq})
			}
		case actConfirm:
			confirmed += a.lines
			check(event{kind: evActionDone, done: actConfirm})
		case actDrop:
			lost += a.lines
			check(event{kind: evActionDone, done: actDrop})
		case actTrim:
			if a.n > m.packets.list[m.packets.first].bytes {
				t.Fatalf("%v of a packet of %d bytes", a, m.packets.list[m.packets.first].bytes)
			}
			lines := min(1, m.packets.list[m.packets.first].lines-1)
			trimmed += lines
			check(event{kind: evTrimmed, n: min(lines, a.n), lines: lines})
		case actWait:
			if !a.until.After(now) {
				t.Fatalf("%v: it waits for a time that has passed", m.state)
			}
			if m.state == paused && a.until.Sub(now) > time.Minute {
				t.Fatal("it does not try again")
			}
			if len(data) == 0 && !isClosing {
				isClosing = true
				check(event{kind: evClosing, deadline: now.Add(time.Second)})
				continue
			}
			if len(data) == 0 {
				now = a.until
				check(event{kind: evTick})
				continue
			}
			e := event{}
			switch b := nextByte(); b % 24 {
			case 0, 1, 2:
				now = a.until
			case 3:
				now = now.Add(time.Duration(nextByte()) * time.Millisecond)
			case 4, 5, 6:
				n := int(nextByte()) + 20
				e = event{kind: evPacketSealed, n: n, lines: 1 + n%5}
				queued += e.lines
			case 7:
				e = event{kind: evPacketOpened}
			case 8:
				e = event{kind: evResolved, addrs: []string{"a"}}
			case 9:
				e = event{kind: evResolved, addrs: []string{"b", "a", "c"}}
			case 10:
				e = event{kind: evLookupFailed, err: errTest}
			case 11, 12, 13:
				if !isDialing {
					continue
				}
				isDialing, isConnected = false, true
				wireBytes = 0
				e = event{kind: evDialed, isSelfConnect: b == 13}
			case 14, 15:
				if !isDialing {
					continue
				}
				isDialing = false
				e = event{kind: evDialFailed, err: errTest, isRefused: b%24 == 14}
			case 16:
				e = event{kind: evAcked, n: int(nextByte()) * wireBytes / 255}
			case 17:
				e = event{kind: evAcked, n: wireBytes}
			case 18:
				e = event{kind: evMTUExceeded, seq: m.packets.firstSeq() + uint64(nextByte()%8), n: 100}
			case 19, 20:
				b := nextByte()
				e = event{kind: evRefused, seq: m.packets.firstSeq() + uint64(b%8), err: errTest, isFromOwnHost: b > 200, isPrompt: b < 100}
			case 21:
				e = []event{ended, reset, stall, {kind: evSocketReplaced}}[nextByte()%4]
			case 22:
				if nextByte()%16 > 0 {
					continue
				}
				isClosing = true
				e = event{kind: evClosing, deadline: now.Add(time.Duration(nextByte()) * 10 * time.Millisecond)}
			}
			if e.kind == evRefused && network != UDP || e.kind == evConnEnded && network == UDP {
				continue
			}
			if (e.kind == evAcked || e.kind == evMTUExceeded) && (network == TCP) != (e.kind == evAcked) {
				continue
			}
			check(e)
		default:
			check(event{kind: evActionDone, done: a.kind})
		}
		if m.state == probing && p.isUDP && m.written > 1 {
			t.Fatal("more than one packet is written to a server that may be away")
		}
	}
	t.Fatalf("no end: the machine is %v", m.state)
	return trace.String()
}

// TestMachineKeepsItsInvariants hands machines random events.
func TestMachineKeepsItsInvariants(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		data := make([]byte, random.IntN(1000))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		for _, network := range []string{UDP, TCP, Unix, Unixgram} {
			fuzzMachine(t, network, data)
		}
	}
}
