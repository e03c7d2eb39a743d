package ingest

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/limit"
)

// A client with a rate is charged for the work of its requests, in tokens:
//
//	one for each entry that is read, good or bad, or the cost of the entry
//	one for every 4 KiB of body that is read, packed or unpacked, whichever is larger
//	at least one
//
// chargeHead takes the tokens for the body, as its length is declared. They also pay
// for the first entries, and chargeEntry takes more if they are used up. The request
// ends as soon as there are no more. adjustCharge then charges the sum, even if it leaves
// the client in debt.

// bytesPerToken is how many bytes of a body cost one token.
const bytesPerToken = 4 << 10

// rateDelay is how long a rejection for the rate is held back. Rejections cost time, too: a
// client that sends on as fast as it can would take half a processor for them.
const rateDelay = 100 * time.Millisecond

// rateBodyDelay is the same for a request with a large body that was not read. The kernel
// receives the body, and the connection closes, which costs more than the rejection.
const rateBodyDelay = time.Second

// tokensAtOnce is how many tokens chargeEntry takes in advance. adjustCharge gives back
// the rest.
const tokensAtOnce = 64

// charges are the tokens that one request has taken and used.
type charges struct {
	taken   int // from the bucket of the client
	entries int // used for entries
	bytes   int // of the body, packed or unpacked
}

// rateOf returns the rate of the client with a grant, or of one without tokens if grant
// is nil. It returns false if the client has no limit.
func (h *Handler) rateOf(grant *auth.Grant) (limit.Rate, bool) {
	if grant == nil || grant.Rate == 0 && grant.Burst == 0 {
		return h.rate, h.options.RateLimit > 0
	}
	perSecond, burst := h.options.RateLimit, h.options.RateBurst
	if grant.Rate > 0 {
		perSecond = grant.Rate
	}
	if grant.Burst > 0 {
		burst = grant.Burst
	}
	if perSecond == 0 {
		return limit.Rate{}, false
	}
	return limit.NewRate(perSecond, burst), true
}

// client returns the client whose rate a request counts against: the subject of its
// token, or the address that it comes from.
func (h *Handler) client(q *exchange.Request, a *admission) limit.Client {
	if a.grant != nil && a.grant.Subject != "" {
		return limit.SubjectClient(a.grant.Subject)
	}
	return limit.AddressClient(h.clientAddress(q, a))
}

// maxBodyOf returns the size in bytes of the largest body that a burst pays for.
func maxBodyOf(rate *limit.Rate) int {
	if rate.Burst() >= math.MaxInt/bytesPerToken {
		return math.MaxInt
	}
	return (rate.Burst()+1)*bytesPerToken - 1
}

// chargeHead charges for a request before its body is read.
func (h *Handler) chargeHead(q *exchange.Request, a *admission) *exchange.HTTPError {
	n := 1
	if q.BodyLength <= a.maxBody { // another body is not read
		n = max(1, q.BodyLength/bytesPerToken)
	}
	wait, ok := h.rates.Charge(a.client, a.rate, n, time.Now())
	if !ok {
		herr := h.rateExceeded(wait)
		if q.BodyLength == exchange.Chunked || q.BodyLength > exchange.MaxHead {
			herr.Delay = rateBodyDelay
		}
		return herr
	}
	a.charges.taken = n
	return nil
}

// chargeEntry charges for an entry that was read.
func (h *Handler) chargeEntry(a *admission, cost int) *exchange.HTTPError {
	a.charges.entries += cost
	if a.isLimited && a.charges.entries > a.charges.taken {
		return h.chargeMore(a, cost)
	}
	return nil
}

// chargeMore is chargeEntry if the tokens that were taken are used up.
func (h *Handler) chargeMore(a *admission, cost int) *exchange.HTTPError {
	switch isCovered := h.takeTokens(a, a.charges.entries); {
	case isCovered:
		return nil
	case a.charges.entries <= a.rate.Burst():
		needed := a.charges.entries
		if a.route.isBatch {
			needed = a.rate.Burst() // the rest is not read
		}
		return h.rateExceeded(a.rate.TimeFor(needed))
	case a.route.isBatch:
		a.cause = causeBurst
		return exchange.NewError(http.StatusRequestEntityTooLarge,
			fmt.Sprintf("the batch counts as more than the %d metrics that you may send at once: send it in parts", a.rate.Burst()))
	default:
		a.cause = causeBurst
		return exchange.NewError(http.StatusRequestEntityTooLarge,
			fmt.Sprintf("with its sample rate, the timing counts as %d metrics, and you may send %d at once", cost, a.rate.Burst()))
	}
}

// chargeUnpacked charges for a body of which n bytes are unpacked.
func (h *Handler) chargeUnpacked(a *admission, n int) *exchange.HTTPError {
	a.charges.bytes = max(a.charges.bytes, n)
	if needed := n / bytesPerToken; a.isLimited && needed > a.charges.taken && !h.takeTokens(a, needed) {
		return h.rateExceeded(a.rate.TimeFor(a.rate.Burst()))
	}
	return nil
}

// takeTokens takes tokens until the request has n, and reports whether it has.
func (h *Handler) takeTokens(a *admission, n int) bool {
	c := &a.charges
	c.taken += h.rates.ChargeUpTo(a.client, a.rate, max(n-c.taken, tokensAtOnce), time.Now())
	return c.taken >= n
}

// adjustCharge replaces the tokens that a request has taken by what it has cost in all. It
// charges nothing if chargeHead has rejected the request.
func (h *Handler) adjustCharge(a *admission) {
	c := &a.charges
	if c.taken == 0 {
		return
	}
	cost := max(1, c.entries+c.bytes/bytesPerToken)
	if cost != c.taken {
		h.rates.Adjust(a.client, a.rate, cost-c.taken, time.Now())
	}
}

// rateExceeded returns the response for a client that has to wait.
func (h *Handler) rateExceeded(wait time.Duration) *exchange.HTTPError {
	herr := exchange.Limited("you send more metrics a second than you may", wait)
	herr.Delay = rateDelay
	return herr
}
