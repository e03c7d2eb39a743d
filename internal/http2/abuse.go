package http2

import (
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// A connection has a credit. Frames that cost the proxy work and bring no request
// forward take from it; responses, sent data and time give to it. A client whose credit
// is used up gets GOAWAY with ENHANCE_YOUR_CALM, and its connection is closed.
//
//	attack                                      cost    bound without requests
//	rapid reset (CVE-2023-44487)                4       250 RST_STREAM at once
//	made-you-reset (CVE-2025-8671)              4       250 streams that the proxy has to reset at once
//	requests beyond maxStreams                  4       250 at once
//	SETTINGS flood                              10      100 at once, of 32 settings each
//	PING flood                                  5       200 at once
//	empty DATA frames                           5       200 at once
//	WINDOW_UPDATE flood                         1       1,000 at once
//	PRIORITY flood, frames of unknown types     2       500 at once
//	HEADERS or little DATA on reset streams     1       1,000 at once
//
// TestFloodsEndTheConnection checks these bounds. The other bounds do not depend on the
// credit:
//
//	attack                               bound                                      test
//	open requests                        maxStreams                                 TestStreamsBeyondTheLimitAreRefused
//	CONTINUATION flood (CVE-2023-45288)  maxBlock in maxFragments; read timeout     TestHeaderBlocksAreBounded
//	HPACK bomb                           exchange.MaxHead, maxHeaderString          TestHeaderBlocksAreBounded
//	large heads of many streams          freeHeads, maxHeads                        TestHeadsOfWaitingStreamsAreBounded
//	HPACK table                          headerTable; responses use none            h2spec
//	many settings in a frame             maxSettings                                TestSettingsFramesAreBounded
//	frames or responses are not read     maxOutput, then c reads no more frames;    TestFloodsTakeNoMemory,
//	                                     write timeout                              TestClientsThatDoNotReadAreCutOff
//	responses without a window           maxPending; write timeout                  TestPendingResponsesAreBounded
//	pages                                maxPages                                   TestPagesOfAConnectionAreBounded
//	slow bodies                          exchange.BodyBudget; read timeout          TestLargeBodiesOverHTTP2ShareABudget
//	bodies of rejected requests          discardSize; discardTime                   TestRejectedBodiesAreDiscarded
//	a client that never pauses           other connections run after maxOutput and each time the input is used up
const (
	costReset        = 4
	costOwnReset     = 4
	costSettings     = 10
	costPing         = 5
	costEmptyData    = 5
	costWindowUpdate = 1
	costPriority     = 2
	costUnknown      = 2
	costClosed       = 1

	gainResponse = 2 // so at most a third of the requests may be reset
	gainData     = 1 // for a frame of data, which the client answers with WINDOW_UPDATE

	maxCredit       = 1000
	creditPerSecond = 100
)

// tinyData is the size in bytes below which a DATA frame on a reset stream costs credit.
// Larger ones are those of an honest client that has not read the reset yet.
const tinyData = 128

const (
	maxBlock        = 64 << 10 // bytes of a header block, compressed
	maxFragments    = 32       // frames of a header block
	maxHeaderString = 2 * exchange.MaxHead
	headerTable     = 4 << 10 // bytes, of the client's HPACK encoder
	maxSettings     = 32      // in a frame
	maxOutput       = 16 << 10
	maxPending      = 128 << 10
	maxPages        = 32
)

// floodTime is how long the connection of a client that floods it stays open after GOAWAY.
// The proxy reads nothing meanwhile, so the client soon cannot send more. Closing at once
// would reset the connection, and the client could lose the GOAWAY.
const floodTime = time.Second

// errCalm ends the connection of a client that floods it.
const errCalm = http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)

// holdFlood tells the client that nothing more is sent, and waits for floodTime.
func (c *conn) holdFlood() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		exchange.Delay(c.server.options.Stopping, floodTime)
	}
}

// credit is what is left of a connection's credit.
type credit struct {
	left int
	at   time.Time // when time has last given to it
}

// take takes cost from the credit. It returns errCalm if that is more than what is left.
func (c *conn) take(cost int) error {
	r := &c.credit
	r.left -= cost
	if r.left >= 0 {
		return nil
	}
	// Time counts only when it is needed.
	const perPoint = time.Second / creditPerSecond
	points := int(min(c.now.Sub(r.at)/perPoint, maxCredit))
	r.left, r.at = min(r.left+points, maxCredit), c.now
	if r.left < 0 {
		return errCalm
	}
	return nil
}

// give adds to the credit.
func (c *conn) give(gain int) { c.credit.left = min(c.credit.left+gain, maxCredit) }

// fail resets a stream whose client has broken the protocol.
func (c *conn) fail(id uint32, code http2.ErrCode) error {
	c.resetStream(id, code)
	return c.take(costOwnReset)
}
