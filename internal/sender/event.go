package sender

import (
	"fmt"
	"time"
)

// eventKind is the kind of an event. Its comment names the fields of the event that
// are set.
type eventKind uint8

const (
	evTick           eventKind = iota // time has passed
	evActionDone                      // the loop has carried out the action done
	evPacketOpened                    // the queue's open packet got its first line
	evPacketSealed                    // the loop took a packet of n bytes and lines lines from the queue
	evResolved                        // the server's name has the addresses addrs
	evLookupFailed                    // the lookup of the server's name failed with err
	evDialed                          // an attempt to connect succeeded; isSelfConnect if the socket is connected to itself
	evDialFailed                      // an attempt to connect failed with err; isRefused if no server listens
	evWrote                           // packet seq was written
	evBlocked                         // the socket had no room for the packet
	evTooLong                         // the socket rejected the packet as too long
	evAcked                           // the server's kernel has acknowledged the first n bytes of the connection
	evRefused                         // packet seq and all after it were refused with err; isFromOwnHost if by this host, isPrompt if the path refuses each packet at once
	evMTUExceeded                     // packets longer than n bytes, from seq on, were dropped on the path
	evConnEnded                       // the connection ended with err; isClosed if the server closed it
	evSocketReplaced                  // another socket is at the server's path
	evTrimmed                         // the oldest packet lost n bytes and lines lines, which had arrived
	evClosing                         // Close was called; it returns at deadline, zero for none
	evChecked                         // the events before have all that the connection knew at checkedAt
)

// event is something that happened.
type event struct {
	kind                                                        eventKind
	done                                                        actionKind
	seq                                                         uint64
	n                                                           int
	lines                                                       int
	addrs                                                       []string
	err                                                         error
	deadline                                                    time.Time
	checkedAt                                                   time.Time
	isSelfConnect, isRefused, isFromOwnHost, isPrompt, isClosed bool
}

// actionKind is the kind of an action. Its comment names the fields of the action that
// are set.
type actionKind uint8

const (
	actWait     actionKind = iota // wait for an event, until the time until; if isQuiet, ignore new lines
	actSeal                       // seal the open packet and take all packets of the queue
	actLookup                     // look up the server's name again
	actDial                       // begin to connect to addr
	actWrite                      // write packet seq
	actProbe                      // write an empty packet
	actCheck                      // check what became of the packets in flight
	actFinish                     // tell the server that no more packets follow on this connection
	actClose                      // close the connection
	actRenew                      // UDP: open another socket to the server for further packets, and keep the old one for refusals
	actCloseOld                   // close the old socket
	actTrim                       // remove the lines that end within the first n bytes of the oldest packet
	actConfirm                    // remove the n oldest packets, which hold bytes and lines, and count them as sent
	actDrop                       // count n packets, which hold bytes and lines, as lost for reason; if isLast, they are all that are left
	actAway                       // report that the server is away because of err
	actBack                       // report that the server is back after duration
	actMoved                      // report that addr is no longer an address of the server
	actNotFound                   // report that the lookup failed with err; isKept if an earlier address stays in use
	actStop                       // end the loop
)

// action is something that the loop must do.
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
	"blocked", "too long", "acked", "refused", "cut", "ended", "replaced", "trimmed", "closing", "checked"}

var actionNames = [...]string{"wait", "seal", "lookup", "dial", "write", "probe", "check", "finish", "close", "renew", "close old", "trim", "confirm",
	"drop", "away", "back", "moved", "not found", "done"}

func (k eventKind) String() string  { return eventNames[k] }
func (k actionKind) String() string { return actionNames[k] }

// String returns e as a failing test prints it.
func (e event) String() string {
	switch e.kind {
	case evActionDone:
		return fmt.Sprintf("did %v", e.done)
	case evPacketSealed, evTrimmed, evAcked, evMTUExceeded:
		return fmt.Sprintf("%v n=%d lines=%d seq=%d", e.kind, e.n, e.lines, e.seq)
	case evRefused, evConnEnded, evDialFailed, evLookupFailed:
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
