package http2

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// headLog is a handler that keeps what the heads of the requests on conn mean.
type headLog struct {
	conn  *conn
	heads []string
	known int // heads that were not decoded
}

func (l *headLog) Begin(x *exchange.Exchange) (wantsBody bool) {
	q := x.Request
	head := q.Head
	q.Head = nil
	l.heads = append(l.heads, fmt.Sprintf("%q %+v %v", head, q, x.HeadErr))
	if l.conn.head.isKnown {
		l.known++
	}
	x.Response.Status = 200
	return false
}

func (*headLog) Serve(*exchange.Exchange) {}

// serveBlocks has a connection serve header blocks. Those with an even index end their
// streams. If isSplit is set, each block comes in two frames, so that it is always decoded.
func serveBlocks(t *testing.T, isSplit bool, blocks [][]byte) (*headLog, *replies) {
	t.Helper()
	s, log := newTestServer(t, new(discardSink)), new(headLog)
	s.options.Handler = log
	var parts [][]byte
	for i, block := range blocks {
		r := newRequestFrames()
		if i == 0 {
			r.preface()
		}
		first := len(block)
		if isSplit {
			first /= 2
		}
		id := uint32(2*i + 1)
		_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block[:first], EndStream: i%2 == 0, EndHeaders: !isSplit})
		if isSplit {
			_ = r.framer.WriteContinuation(id, true, block[first:])
		}
		parts = append(parts, r.take())
	}
	c, out := newTestConn(s, &testInput{parts: parts})
	log.conn = c
	c.serve()
	return log, readReplies(t, out.written.Bytes())
}

// checkKnownHeads checks that blocks mean the same as if each of them is decoded.
func checkKnownHeads(t *testing.T, blocks [][]byte) *headLog {
	t.Helper()
	log, sent := serveBlocks(t, false, blocks)
	wantLog, wantSent := serveBlocks(t, true, blocks)
	if diff := cmp.Diff(wantLog.heads, log.heads); diff != "" {
		t.Errorf("the heads differ from those of decoded blocks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantSent.status, sent.status); diff != "" {
		t.Errorf("the responses differ from those to decoded blocks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantSent.goAway, sent.goAway); diff != "" {
		t.Errorf("the errors differ from those of decoded blocks (-want +got):\n%s", diff)
	}
	return log
}

// Header blocks of RFC 7541, section 6.
const (
	getHeartbeat = "\x82\x87\x04\x0a/heartbeat" // no field is added
	addX         = "\x40\x01x\x01y"             // x: y is added
	addZ         = "\x40\x01z\x01y"
	newest       = "\xbe" // the field that was added last
	noTable      = "\x20"
	smallTable   = "\x3f\x61"     // 128 bytes
	fullTable    = "\x3f\xe1\x1f" // 4,096 bytes
)

func TestKnownHeads(t *testing.T) {
	f := func(wantKnown, wantHeads int, texts ...string) {
		t.Helper()
		var blocks [][]byte
		for _, text := range texts {
			blocks = append(blocks, []byte(text))
		}
		log := checkKnownHeads(t, blocks)
		if log.known != wantKnown || len(log.heads) != wantHeads {
			t.Errorf("%q: got %d known heads, %d requests, want %d, %d", texts, log.known, len(log.heads), wantKnown, wantHeads)
		}
	}
	const other = "\x82\x87\x04\x02/x"
	f(2, 3, getHeartbeat, getHeartbeat, getHeartbeat)
	f(0, 3, getHeartbeat, other, getHeartbeat) // only the last one is known
	f(1, 3, getHeartbeat+addX, getHeartbeat+newest, getHeartbeat+newest)
	f(0, 2, getHeartbeat+addX, getHeartbeat+addX)
	f(0, 4, getHeartbeat+addX, getHeartbeat+newest, getHeartbeat+addZ, getHeartbeat+newest)
	f(1, 2, noTable+getHeartbeat, noTable+getHeartbeat)
	f(1, 2, "\x2f"+getHeartbeat, "\x2f"+getHeartbeat) // 15 bytes
	f(1, 2, smallTable+getHeartbeat, smallTable+getHeartbeat)
	f(1, 3, getHeartbeat+addX, fullTable+getHeartbeat+newest, fullTable+getHeartbeat+newest)
	f(0, 3, getHeartbeat+addX, getHeartbeat+newest, noTable+getHeartbeat, getHeartbeat+newest) // an error
	f(0, 4, getHeartbeat+addX, getHeartbeat+newest, "\x82"+addZ, getHeartbeat+newest, getHeartbeat+addX)

	forwarded := "\x00\x0fx-forwarded-for\x09192.0.2.1" + "\x10\x0fx-forwarded-for\x09192.0.2.2"
	f(1, 2, getHeartbeat+forwarded, getHeartbeat+forwarded)
	f(1, 2, "\x83\x87\x04\x08/count/k\x0f\x0d\x010", "\x83\x87\x04\x08/count/k\x0f\x0d\x010") // content-length: 0
	f(0, 1, "\x82\x87\x04\x0cno/heartbeat", getHeartbeat, getHeartbeat[:1])                   // errors

	f(1, 2, "\x82\x04\x0a/heartbeat\x07\x05https", "\x82\x04\x0a/heartbeat\x07\x05https")
	f(1, 4, getHeartbeat+addX, getHeartbeat+addZ, getHeartbeat+"\xbf", getHeartbeat+"\xbf") // the field before the newest

	// A head or its block may be larger than what a connection keeps.
	f(0, 2, strings.Repeat(noTable, 1024)+getHeartbeat, strings.Repeat(noTable, 1024)+getHeartbeat)
	long := "\x01x\x7f\x80\x08" + strings.Repeat("v", 1151)
	f(0, 2, getHeartbeat+"\x00"+long, getHeartbeat+"\x00"+long)
	f(0, 3, getHeartbeat+"\x40"+long, getHeartbeat+newest, getHeartbeat+newest)
}

// FuzzKnownHeads sends two header blocks in any order.
func FuzzKnownHeads(f *testing.F) {
	for _, second := range []string{getHeartbeat + newest, noTable + getHeartbeat, fullTable + getHeartbeat + newest, "\x82" + addZ, "", "\x00\x7f\x80"} {
		f.Add([]byte(getHeartbeat+addX), []byte(second), uint16(0b110110111011))
	}
	f.Fuzz(func(t *testing.T, first, second []byte, order uint16) {
		if len(first)+len(second) > 1000 {
			return
		}
		var blocks [][]byte
		for ; order > 0; order >>= 1 {
			blocks = append(blocks, [][]byte{first, second}[order&1])
		}
		checkKnownHeads(t, blocks)
	})
}
