package http2

import "statsd-http-proxy/internal/exchange"

// The heads of requests that wait for the rest of their body or for the end of their delay.
// A few bytes of HPACK can stand for a head of exchange.MaxHead bytes, so their number alone
// does not bound the memory.
const (
	freeHeads = exchange.MaxHead // bytes of a connection that do not count, as many as one may hold over HTTP/1
	maxHeads  = 32 << 20         // bytes of all connections together, beyond the free ones
)

// keepHead counts the memory for the head of a stream that has to wait. It returns a 503 if
// heads take too much.
func (c *conn) keepHead(st *stream) *exchange.HTTPError {
	if st.headSize > 0 { // it has waited for its body
		return nil
	}
	size := len(st.x.HeadBuffer)
	more := beyondFree(c.heads+size) - beyondFree(c.heads)
	if more > 0 && c.server.heads.Add(more) > maxHeads {
		c.server.heads.Add(-more)
		return exchange.Busy("too many requests with large headers arrive at once")
	}
	c.heads += size
	st.headSize = size
	return nil
}

// releaseExchange gives back the Exchange of a stream, with its head.
func (c *conn) releaseExchange(st *stream) {
	st.x.Release()
	st.x = nil
	if less := beyondFree(c.heads) - beyondFree(c.heads-st.headSize); less > 0 {
		c.server.heads.Add(-less)
	}
	c.heads -= st.headSize
	st.headSize = 0
}

// beyondFree returns how many of the bytes of a connection's heads count.
func beyondFree(heads int) int64 { return int64(max(0, heads-freeHeads)) }
