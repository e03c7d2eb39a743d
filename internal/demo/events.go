package demo

import (
	"net/http"
	"net/netip"
	"time"
)

const (
	// eventInterval is the minimum time between two events of a stream. At a
	// high rate each event carries many lines, which costs the server and the
	// page much less.
	eventInterval = 50 * time.Millisecond

	// keepAliveInterval is the maximum time between two writes to a stream. If
	// there are no lines, a comment is sent, so that both sides notice a broken
	// connection.
	keepAliveInterval = 15 * time.Second

	// eventTimeout limits the time in which a page must read an event.
	eventTimeout = 10 * time.Second

	// verifyInterval is the time after which the token of a stream is verified
	// again. It may have expired, or its secret may have been removed.
	verifyInterval = 10 * time.Second
)

// serveEvents sends the published lines to a page as server-sent events. It
// returns when the page closes the connection, the request's context ends, the
// hub is closed or verify returns an error.
func (h *hub) serveEvents(w http.ResponseWriter, r *http.Request, verify func() error) {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	s := h.subscribe(clientAddress(r))
	if s == nil {
		header.Set("Retry-After", "10")
		writeError(w, http.StatusServiceUnavailable, "too many pages are watching")
		return
	}
	defer h.unsubscribe(s)

	// The first bytes show the page that the stream is open. They also ask it to
	// reconnect one second after the stream ends.
	event := []byte("retry: 1000\n\n")
	controller := http.NewResponseController(w)
	ticker := time.NewTicker(eventInterval)
	defer ticker.Stop()
	verified := time.Now()
	for {
		sent := time.Now()
		// Some writers do not support deadlines. They still return an error when
		// the connection is broken.
		_ = controller.SetWriteDeadline(sent.Add(eventTimeout))
		if _, err := w.Write(event); err != nil {
			return
		}
		if controller.Flush() != nil {
			return
		}
		for event = event[:0]; len(event) == 0; {
			select {
			case now := <-ticker.C:
				if now.Sub(verified) >= verifyInterval {
					if verify() != nil {
						return
					}
					verified = now
				}
				event = s.appendEvent(event)
				if len(event) == 0 && now.Sub(sent) >= keepAliveInterval {
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

// clientAddress returns the address that the HTTP server gives for the client. It
// returns the zero Addr if there is none.
func clientAddress(r *http.Request) netip.Addr {
	addr, _ := netip.ParseAddrPort(r.RemoteAddr)
	return addr.Addr()
}
