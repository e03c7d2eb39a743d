package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"statsd-http-proxy/internal/limit"
)

// refuseLimited is the answer to a client that is beyond a limit. It may try
// again after a time, which is told in whole seconds (RFC 9110, section
// 10.2.3).
func refuseLimited(why string, wait time.Duration) *refusal {
	no := refuse(http.StatusTooManyRequests, why)
	no.header = "Retry-After"
	no.value = strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
	return no
}

// addressOf returns the address that a connection comes from.
func addressOf(c net.Conn) netip.Addr {
	if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return addr.AddrPort().Addr()
	}
	return netip.Addr{}
}

// client returns who is held to a rate for a request: the subject of its token,
// or the address that it comes from.
func (s *Server) client(q *request, r *route) limit.Client {
	if r.grant != nil && r.grant.Subject != "" {
		return limit.SubjectClient(r.grant.Subject)
	}
	return limit.AddressClient(s.clientAddress(q))
}

// clientAddress returns the address that a request comes from, behind proxies
// that are trusted.
func (s *Server) clientAddress(q *request) netip.Addr {
	if len(s.options.TrustedProxies) == 0 {
		return q.peer
	}
	return s.options.TrustedProxies.ClientAddress(q.peer, q.forwardedFor)
}

// take takes n metrics from what a client may send now, all of them or none.
func (s *Server) take(client limit.Client, n int) *refusal {
	if s.options.Rates == nil {
		return nil
	}
	if wait, ok := s.options.Rates.Charge(client, n, time.Now()); !ok {
		s.guarded.Do(func() { s.log.Warn("clients send more metrics a second than they may, some are refused") })
		return refuseLimited("you send more metrics a second than you may", wait)
	}
	return nil
}

// takeBatch takes a batch from what a client may send: its entries, the bad ones
// too, or its metrics if they are more, since a line may hold several. One of
// them was taken before the batch was read.
func (s *Server) takeBatch(w *work, entries int) *refusal {
	if s.options.Rates == nil {
		return nil
	}
	n := max(entries, len(w.lines.Ends))
	if burst := s.options.Rates.Burst(); n > burst {
		return refuse(http.StatusRequestEntityTooLarge,
			fmt.Sprintf("the batch has %d metrics, and a client may send %d at once: send it in parts", n, burst))
	}
	return s.take(w.client, n-1)
}
