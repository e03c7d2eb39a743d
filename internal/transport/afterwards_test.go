package transport

import (
	"testing"

	"statsd-http-proxy/internal/exchange"
)

func TestAfterwards(t *testing.T) {
	f := func(want fate, body bodyState, status int, q exchange.Request) {
		t.Helper()
		if got := afterwards(&q, status, body, false); got != want {
			t.Errorf("body state %d, status %d, %+v: fate %d, want %d", body, status, q, got, want)
		}
		// A server that drains keeps no connection, and changes nothing else.
		if want == fateKeepAlive {
			want = fateClose
		}
		if got := afterwards(&q, status, body, true); got != want {
			t.Errorf("body state %d, status %d, %+v, draining: fate %d, want %d", body, status, q, got, want)
		}
	}
	small := exchange.Request{BodyLength: smallBody}
	f(fateKeepAlive, bodyRead, 200, exchange.Request{})
	f(fateKeepAlive, bodyRead, 200, small)
	f(fateKeepAlive, bodyRead, 400, exchange.Request{BodyLength: exchange.Chunked})
	f(fateKeepAlive, bodyRead, 417, exchange.Request{BadExpectation: true})
	f(fateClose, bodyRead, 200, exchange.Request{WantsClose: true})

	f(fateDrain, bodyUnread, 401, small)
	f(fateDrain, bodyUnread, 401, exchange.Request{BodyLength: 1, WantsClose: true})
	f(fateLinger, bodyUnread, 413, exchange.Request{BodyLength: smallBody + 1})
	f(fateLinger, bodyUnread, 401, exchange.Request{BodyLength: exchange.Chunked})
	f(fateLinger, bodyUnread, 401, exchange.Request{BodyLength: 1, WantsContinue: true})
	f(fateLinger, bodyUnread, 417, exchange.Request{BodyLength: 1, BadExpectation: true})

	f(fateLinger, bodyBroken, 400, small)
	f(fateLinger, bodyBroken, 413, exchange.Request{BodyLength: exchange.Chunked})
	f(fateLinger, bodyBroken, 401, small) // it could not be drained
	f(fateClose, bodyBroken, 408, small)
	f(fateClose, bodyBroken, 408, exchange.Request{BodyLength: exchange.Chunked})
}
