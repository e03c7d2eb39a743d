package sender

import (
	"fmt"
	"time"
)

// eventKind names something that happened.
type eventKind uint8

const (
	evTick         eventKind = iota // time has passed
	evDid                           // the loop has carried out action did
	evOpened                        // the open packet has got its first line
	evSealed                        // a packet of n bytes and lines lines waits
	evResolved                      // the server has the addresses addrs
	evLookupFailed                  // its name was not found because of err
	evDialed                        // a connection is there; isSelf if both its ends are ours
	evDialFailed                    // there is none because of err; isRefused if nobody listens
	evWrote                         // the packet that was to be written is written
	evBlocked                       // the socket has no room for it
	evTooLong                       // the socket takes no packet of its size
	evAcked                         // the server's kernel has the first n bytes of the connection
	evRefused                       // packet seq and all after it came back because of err; isOurs if our own host sent them back, isPrompt if none is missing
	evCut                           // packets longer than n bytes, from seq on, were dropped on the path
	evEnded                         // the connection is over because of err; isClosed if the server closed it
	evReplaced                      // another socket has the server's address
	evTrimmed                       // the oldest packet has lost n bytes and lines lines, which the server has
	evClosing                       // Close was called and returns at the time by, if that is not zero
)

// event is something that happened, with the values that its kind names.
type event struct {
	kind                                          eventKind
	did                                           actionKind
	seq                                           uint64
	n                                             int
	lines                                         int
	addrs                                         []string
	err                                           error
	by                                            time.Time
	isSelf, isRefused, isOurs, isPrompt, isClosed bool
}

// actionKind names something that a loop has to do.
type actionKind uint8

const (
	actWait     actionKind = iota // until the time until, or an event; if isQuiet, lines may wait
	actSeal                       // end the open packet and take what the queue holds
	actLookup                     // look the server's name up again
	actDial                       // begin to connect to addr
	actWrite                      // write packet seq
	actProbe                      // write an empty packet
	actCheck                      // look what became of the packets in flight
	actFinish                     // say that nothing follows on this connection
	actClose                      // close the connection
	actTrim                       // take those lines out of the oldest packet that end within its first n bytes
	actConfirm                    // n packets, the oldest, are out of our hands, with bytes and lines
	actDrop                       // n packets with bytes and lines are lost for reason; if isLast, all that is left
	actAway                       // report that the server is away because of err
	actBack                       // report that it is back, after duration
	actMoved                      // report that it is not at addr any more
	actNotFound                   // report that its name was not found because of err; isKept if an address is known
	actDone                       // nothing is left to do
)

// action is something that the loop has to do.
type action struct {
	kind                    actionKind
	seq                     uint64
	n                       int
	bytes                   int
	lines                   int
	addr                    string
	reason                  string
	err                     error
	until                   time.Time
	duration                time.Duration
	isQuiet, isLast, isKept bool
}

var eventNames = [...]string{"tick", "did", "opened", "sealed", "resolved", "lookup failed", "dialed", "dial failed", "wrote",
	"blocked", "too long", "acked", "refused", "cut", "ended", "replaced", "trimmed", "closing"}

var actionNames = [...]string{"wait", "seal", "lookup", "dial", "write", "probe", "check", "finish", "close", "trim", "confirm",
	"drop", "away", "back", "moved", "not found", "done"}

func (k eventKind) String() string  { return eventNames[k] }
func (k actionKind) String() string { return actionNames[k] }

// String returns e as a failing test prints it.
func (e event) String() string {
	switch e.kind {
	case evDid:
		return fmt.Sprintf("did %v", e.did)
	case evSealed, evTrimmed, evAcked, evCut:
		return fmt.Sprintf("%v n=%d lines=%d seq=%d", e.kind, e.n, e.lines, e.seq)
	case evRefused, evEnded, evDialFailed, evLookupFailed:
		return fmt.Sprintf("%v seq=%d: %v", e.kind, e.seq, e.err)
	}
	return e.kind.String()
}

// String returns a as a failing test prints it.
func (a action) String() string {
	switch a.kind {
	case actWrite:
		return fmt.Sprintf("write %d", a.seq)
	case actConfirm, actTrim:
		return fmt.Sprintf("%v %d", a.kind, a.n)
	case actDrop:
		return fmt.Sprintf("drop %d lines: %s", a.lines, a.reason)
	case actDial, actMoved:
		return fmt.Sprintf("%v %s", a.kind, a.addr)
	}
	return a.kind.String()
}
