package demo

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxStreams is how many pages may watch at a time. Each may keep
	// streamBytes waiting beside an event of that size on its way, so that
	// together they take 32 MiB at most.
	maxStreams  = 16
	streamBytes = 1 << 20 // as JSON

	// lineBytes is how much of a line a page gets to see. The proxy's lines are
	// shorter, but anybody on this machine may send to the port.
	lineBytes = 2 << 10

	// eventInterval is the least time between two events of a stream: at a high
	// rate each carries many lines, which costs both sides far less.
	eventInterval = 50 * time.Millisecond
	// aliveInterval is how long a stream may be silent. A comment is sent then,
	// so that a connection which is gone is noticed by either side.
	aliveInterval = 15 * time.Second
	// eventTimeout is how long a page may take to read an event.
	eventTimeout = 10 * time.Second
)

// hub hands the lines that arrive to every stream.
type hub struct {
	closed chan struct{} // when the server closes

	mu      sync.Mutex
	streams map[*stream]struct{}
	encoded []byte // of the datagram in publish
}

func newHub() hub {
	return hub{closed: make(chan struct{}), streams: make(map[*stream]struct{}, maxStreams)}
}

// close ends all streams, and those that begin later.
func (h *hub) close() { close(h.closed) }

// open returns a new stream, nil if there are too many.
func (h *hub) open() *stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.streams) == maxStreams {
		return nil
	}
	s := new(stream)
	h.streams[s] = struct{}{}
	return s
}

func (h *hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, s)
}

// publish adds the lines of datagram to every stream.
func (h *hub) publish(datagram []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.streams) == 0 {
		return
	}
	var lines int
	h.encoded, lines = appendLines(h.encoded[:0], datagram)
	for s := range h.streams {
		s.add(h.encoded, lines)
	}
}

// appendLines appends the lines of datagram as elements of a JSON array, each
// with a comma behind it, and returns how many they are. JSON has an escape for
// every line feed and carriage return, so that no line ends an event early.
func appendLines(dst, datagram []byte) ([]byte, int) {
	lines := 0
	for line := range bytes.SplitSeq(datagram, []byte{'\n'}) {
		if len(line) > lineBytes {
			end := lineBytes
			for end > lineBytes-utf8.UTFMax && !utf8.RuneStart(line[end]) {
				end--
			}
			line = line[:end]
		}
		dst, _ = jsontext.AppendQuote(dst, line) // an error only tells of bad UTF-8, which is mended
		dst = append(dst, ',')
		lines++
	}
	return dst, lines
}

// stream is what one page has still to be told.
type stream struct {
	mu      sync.Mutex
	waiting []byte // lines as of appendLines, at most streamBytes
	skipped int    // lines that found no room there
}

// add has the stream tell of lines, which encoded holds.
func (s *stream) add(encoded []byte, lines int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting)+len(encoded) <= streamBytes {
		s.waiting = append(s.waiting, encoded...)
	} else {
		s.skipped += lines
	}
}

// appendEvent appends an event that tells all that waits, if anything does:
//
//	data: {"lines":["some.key:1|c","other.key:2|g"],"skipped":0}
//
// where skipped counts the lines that the page was too slow for.
func (s *stream) appendEvent(dst []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 && s.skipped == 0 {
		return dst
	}
	dst = append(dst, `data: {"lines":[`...)
	dst = append(dst, bytes.TrimSuffix(s.waiting, []byte{','})...)
	dst = append(dst, `],"skipped":`...)
	dst = strconv.AppendInt(dst, int64(s.skipped), 10)
	dst = append(dst, "}\n\n"...)
	s.waiting, s.skipped = s.waiting[:0], 0
	return dst
}

// serveEvents streams the lines to a page as server-sent events until the page
// goes away, the request's context ends or the server closes.
func (h *hub) serveEvents(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	s := h.open()
	if s == nil {
		header.Set("Retry-After", "10")
		fail(w, http.StatusServiceUnavailable, "too many pages are watching")
		return
	}
	defer h.leave(s)

	// The first bytes tell the page that the stream stands, and to come back a
	// second after it ends.
	event := []byte("retry: 1000\n\n")
	out := http.NewResponseController(w)
	tick := time.NewTicker(eventInterval)
	defer tick.Stop()
	for {
		// Not every writer knows deadlines; one that does not still fails when the
		// page is gone.
		sent := time.Now()
		_ = out.SetWriteDeadline(sent.Add(eventTimeout))
		if _, err := w.Write(event); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
		for event = event[:0]; len(event) == 0; {
			select {
			case now := <-tick.C:
				event = s.appendEvent(event)
				if len(event) == 0 && now.Sub(sent) >= aliveInterval {
					event = append(event, ": nothing new\n\n"...)
				}
			case <-r.Context().Done():
				return
			case <-h.closed:
				return
			}
		}
	}
}
