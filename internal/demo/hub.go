package demo

import (
	"bytes"
	"net/netip"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"statsd-http-proxy/internal/limit"
)

const (
	// maxSubscribers is the maximum number of open event streams. Each stores up
	// to maxPendingBytes, and an event of that size while it is sent. So all
	// together take at most 32 MiB.
	maxSubscribers  = 16
	maxPendingBytes = 1 << 20 // of lines as JSON

	// maxSubscribersPerAddress is the maximum number of open event streams of one
	// client address, so that a single client cannot occupy all of them.
	maxSubscribersPerAddress = 4

	// maxShownLine is the maximum number of bytes of a line that a page gets.
	// The proxy's lines are shorter, but any program on this machine can send
	// lines to the port.
	maxShownLine = 2 << 10
)

// hub passes the received lines to all subscribers.
type hub struct {
	closed  chan struct{} // closed by close
	streams *limit.Conns  // counts the subscribers of each address

	mu          sync.Mutex // protects the fields below
	subscribers map[*subscriber]struct{}
	encoded     []byte // scratch memory of publish
}

func newHub() hub {
	return hub{
		closed:      make(chan struct{}),
		streams:     limit.NewConns(maxSubscribers, maxSubscribersPerAddress, nil),
		subscribers: make(map[*subscriber]struct{}, maxSubscribers),
	}
}

// close ends all event streams, including those that begin later.
func (h *hub) close() { close(h.closed) }

// subscribe adds and returns a subscriber at the given address. It returns nil if
// there are too many, in total or at this address.
func (h *hub) subscribe(addr netip.Addr) *subscriber {
	if !h.streams.Open(addr) {
		return nil
	}
	s := &subscriber{addr: addr}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subscribers[s] = struct{}{}
	return s
}

// unsubscribe removes s.
func (h *hub) unsubscribe(s *subscriber) {
	h.mu.Lock()
	delete(h.subscribers, s)
	h.mu.Unlock()
	h.streams.Close(s.addr)
}

// publish adds the lines of datagram to all subscribers. It does not keep
// datagram.
func (h *hub) publish(datagram []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.subscribers) == 0 {
		return
	}
	var lines int
	h.encoded, lines = appendLines(h.encoded[:0], datagram)
	for s := range h.subscribers {
		s.add(h.encoded, lines)
	}
}

// appendLines appends the lines of datagram to dst as JSON strings, each followed
// by a comma, and returns the number of lines. JSON escapes line feeds and
// carriage returns, so a line cannot end an event early.
func appendLines(dst, datagram []byte) ([]byte, int) {
	lines := 0
	for line := range bytes.SplitSeq(datagram, []byte{'\n'}) {
		if len(line) > maxShownLine {
			end := maxShownLine
			for end > maxShownLine-utf8.UTFMax && !utf8.RuneStart(line[end]) {
				end--
			}
			line = line[:end]
		}
		dst, _ = jsontext.AppendQuote(dst, line) // the error reports invalid UTF-8, which is replaced
		dst = append(dst, ',')
		lines++
	}
	return dst, lines
}

// subscriber collects the lines for the next event of one stream.
type subscriber struct {
	addr netip.Addr

	mu      sync.Mutex // protects the fields below
	pending []byte     // lines from appendLines, at most maxPendingBytes
	skipped int        // number of lines that did not fit into pending
}

// add adds lines that appendLines has encoded. It does not keep encoded.
func (s *subscriber) add(encoded []byte, lines int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending)+len(encoded) <= maxPendingBytes {
		s.pending = append(s.pending, encoded...)
	} else {
		s.skipped += lines
	}
}

// appendEvent appends an event with all pending lines to dst, if there are any:
//
//	data: {"lines":["some.key:1|c","other.key:2|g"],"skipped":0}
//
// skipped is the number of lines that were left out because the page reads too
// slowly.
func (s *subscriber) appendEvent(dst []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 && s.skipped == 0 {
		return dst
	}
	dst = append(dst, `data: {"lines":[`...)
	dst = append(dst, bytes.TrimSuffix(s.pending, []byte{','})...)
	dst = append(dst, `],"skipped":`...)
	dst = strconv.AppendInt(dst, int64(s.skipped), 10)
	dst = append(dst, "}\n\n"...)
	s.pending, s.skipped = s.pending[:0], 0
	return dst
}
