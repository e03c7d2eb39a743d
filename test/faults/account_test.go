//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// account counts what happened to the metrics of a load.
type account struct {
	acknowledged int
	received     int // of those that were acknowledged
	lost         int // acknowledged and not received
	doubled      int // received more than once
	reordered    int // received after one that the same client sent later
	dropped      int // packets that StatsD's sockets had no room for
	givenUp      int // as the proxy's log has it

	isStuck bool // some arrived only when the proxy was stopped

	gaps string // which were lost, like 2000-2053; the first of them
}

func (a account) String() string {
	return fmt.Sprintf("acknowledged %d, received %d, lost %d, doubled %d, dropped by the receiver's socket %d",
		a.acknowledged, a.received, a.lost, a.doubled, a.dropped)
}

// countUp compares the acknowledged metrics with text, the lines that were
// received. It returns an error for each line that is not of the load.
func (l *load) countUp(text [][]byte) (a account, errs []error) {
	times := make([]int, l.metrics)
	last := make([]int, l.clients)
	for _, lines := range text {
		for line := range strings.Lines(string(lines)) {
			i, err := l.number(strings.TrimSuffix(line, "\n"))
			if err != nil {
				errs = append(errs, err)
				continue
			}
			times[i]++
			switch client := l.client(i); {
			case times[i] > 1:
				a.doubled++
			case i < last[client]:
				a.reordered++
			default:
				last[client] = i
			}
		}
	}
	var gaps []string
	gap := 0 // how many before this one were lost, in a row
	for i, acknowledged := range append(l.acknowledged, false) {
		isLost := acknowledged && times[i] == 0
		switch {
		case isLost:
			a.acknowledged++
			a.lost++
			gap++
		case acknowledged:
			a.acknowledged++
			a.received++
		}
		if gap > 0 && !isLost {
			gaps = append(gaps, fmt.Sprintf("%d-%d", i-gap, i-1))
			gap = 0
		}
	}
	a.gaps = strings.Join(gaps[:min(len(gaps), 8)], " ")
	return a, errs
}

// check waits until the acknowledged metrics have arrived, stops the proxy,
// prints the account under the name what, and fails the test if a metric was
// lost, doubled or out of order. The receivers are in the order in which they
// were StatsD.
func (l *load) check(t testing.TB, what string, proxy *testutil.Proxy, receivers ...*statsd) {
	t.Helper()
	l.finish(t, what, proxy, receivers...).mustBeFine(t, what)
}

// finish does what check does, but does not fail the test.
func (l *load) finish(t testing.TB, what string, proxy *testutil.Proxy, receivers ...*statsd) account {
	t.Helper()
	l.wait(t)
	arrived := l.arrives(receivers)
	l.checkFigures(t, what, proxy, arrived)
	proxy.Stop(t)
	a := l.account(t, what, proxy, receivers...)
	a.isStuck = !arrived && a.lost == 0
	return a
}

// arrives waits until as many lines have come as were acknowledged, for as long
// as more of them come. It reports whether they have.
func (l *load) arrives(receivers []*statsd) bool {
	before := -1
	for deadline := time.Now().Add(testutil.Patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		received := 0
		for _, s := range receivers {
			received += s.received()
		}
		if received >= int(l.count.Load()) {
			return true
		}
		if received > before {
			before = received
			deadline = time.Now().Add(testutil.Patience)
		}
	}
	return false
}

// account ends the receivers, after the proxy has ended, and counts and prints
// what they got.
func (l *load) account(t testing.TB, what string, proxy *testutil.Proxy, receivers ...*statsd) account {
	t.Helper()
	var text [][]byte
	dropped := 0
	for _, s := range receivers {
		s.end(t)
		text = append(text, s.text...)
		dropped += s.dropped
	}
	a, errs := l.countUp(text)
	a.dropped = dropped
	for _, line := range lostLine.FindAllStringSubmatch(proxy.Stderr.String(), -1) {
		count, err := strconv.Atoi(line[1])
		if err != nil {
			t.Fatal(err)
		}
		a.givenUp += count
	}
	t.Logf("%s: %s", what, a)
	for i, err := range errs {
		if i == 5 {
			t.Errorf("and %d more lines like these", len(errs)-i)
			break
		}
		t.Error(err)
	}
	return a
}

var lostLine = regexp.MustCompile(`msg="metrics lost" count=(\d+) reason=\S`)

// mustBeFine fails the test unless each metric has arrived once, in order and
// before the proxy was stopped.
func (a account) mustBeFine(t testing.TB, what string) {
	t.Helper()
	if a.dropped > 0 {
		t.Errorf("%s: the receiver's socket dropped %d packets: they came faster than it was read", what, a.dropped)
	}
	if a.lost > 0 || a.doubled > 0 || a.reordered > 0 || a.givenUp > 0 {
		t.Errorf("%s: got %d lost, %d doubled, %d out of order, %d given up, want 0; lost are [%s]",
			what, a.lost, a.doubled, a.reordered, a.givenUp, a.gaps)
	}
	if a.isStuck {
		t.Errorf("%s: metrics arrived only when the proxy was stopped, %s after the others", what, testutil.Patience)
	}
}

// mustBeFineInThree runs a test over UDP that sends more at once than a socket
// holds. If the machine pauses the receiver for a moment, the socket overflows.
// Then the test is repeated: a proxy that sends too fast overflows it each time.
func mustBeFineInThree(t *testing.T, what string, run func() account) {
	t.Helper()
	const most = 1432 / len(prefix+"0000000:1|c\n") // metrics in a datagram
	for attempt := 1; ; attempt++ {
		a := run()
		if a.dropped == 0 || a.lost > a.dropped*most || attempt == 3 {
			a.mustBeFine(t, what)
			return
		}
		t.Logf("%s: once more, since the receiver's socket dropped packets", what)
	}
}

func TestAccountTellsWhatIsLostDoubledAndReordered(t *testing.T) {
	for _, test := range []struct {
		name         string
		acknowledged []int
		received     []int
		want         account
	}{
		{"all well", []int{0, 1, 2, 3}, []int{0, 1, 2, 3}, account{acknowledged: 4, received: 4}},
		{"clients are independent", []int{0, 1, 2, 3}, []int{1, 3, 0, 2}, account{acknowledged: 4, received: 4}},
		{"lost", []int{0, 1, 2, 3}, []int{0, 3}, account{acknowledged: 4, received: 2, lost: 2, gaps: "1-2"}},
		{"lost in two places", []int{0, 1, 3}, []int{1}, account{acknowledged: 3, received: 1, lost: 2, gaps: "0-0 3-3"}},
		{"received without an answer", []int{0}, []int{0, 1}, account{acknowledged: 1, received: 1}},
		{"doubled", []int{0, 1}, []int{0, 1, 1, 0, 0}, account{acknowledged: 2, received: 2, doubled: 3}},
		{"out of order", []int{0, 1, 2, 3}, []int{2, 3, 0, 1}, account{acknowledged: 4, received: 4, reordered: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{0, 100} {
				l := &load{metrics: 4, batch: 1, clients: 2, size: size, acknowledged: make([]bool, 4)}
				for _, i := range test.acknowledged {
					l.acknowledged[i] = true
				}
				var text bytes.Buffer
				for _, i := range test.received {
					fmt.Fprintf(&text, "%s:1|c\n", l.name(i))
				}
				got, errs := l.countUp([][]byte{text.Bytes()})
				if got != test.want || len(errs) > 0 {
					t.Errorf("got %+v %v, want %+v", got, errs, test.want)
				}
			}
		})
	}
}

func TestAccountRefusesOtherLines(t *testing.T) {
	l := &load{metrics: 20, batch: 1, clients: 1, size: 50}
	good := string(l.name(12)) + ":1|c"
	if i, err := l.number(good); i != 12 || err != nil || len(good) != 50 {
		t.Fatalf("%q: got %d %v, want 12 and 50 bytes", good, i, err)
	}
	for _, line := range []string{
		"", good[1:], good[:len(good)-1], good + "|@1", strings.Replace(good, "x", "y", 1), strings.Replace(good, "12", "20", 1),
		strings.Replace(good, "1", "z", 1), strings.Replace(good, ":1|", ":2|", 1), good + good, "faults.",
	} {
		if i, err := l.number(line); err == nil {
			t.Errorf("%q: got metric %d, want an error", line, i)
		}
	}
}
