package sender

import "time"

// policy holds the times and bounds by which a machine decides. They depend on
// the network only. Tests use shorter ones.
type policy struct {
	isPaced    bool // the network drops packets that come too fast: UDP
	isStream   bool // packets share a connection: TCP and Unix
	isUDP      bool // a packet that was written may come back
	hasAcks    bool // the peer's kernel acknowledges what it received: TCP
	hasNoDelay bool // a written packet is the server's at once: Unixgram and Unix

	// flushInterval is how long a line waits for others to share its packet. It
	// stays well below the 100 ms that are promised, since a busy machine wakes
	// timers late.
	flushInterval time.Duration

	// The machine waits for retryInterval after the first failed round of
	// addresses, then twice as long after each further round, up to
	// maxRetryInterval. A TCP server may be far away and shared, so the interval
	// grows there, and is shortened at random to keep many proxies apart.
	retryInterval    time.Duration
	maxRetryInterval time.Duration

	dialTimeout   time.Duration // for one attempt to connect
	stallTimeout  time.Duration // a TCP peer that acknowledges nothing for this long is away
	finishTimeout time.Duration // for the rest of a connection that is left while lines wait
	busyInterval  time.Duration // until a full socket is tried again
	ackInterval   time.Duration // between two looks at what a peer has acknowledged
	fileInterval  time.Duration // between two looks at the file of a Unix socket
	burstInterval time.Duration // between two bursts of packets

	// A stream is on probation for probation after it was connected, and in
	// doubt for doubt: a balancer accepts a connection also if the server is
	// away, and closes it when it has tried in vain. HAProxy tries for 3 s.
	probation time.Duration
	doubt     time.Duration

	// A written UDP packet is kept for hold, or for promptHold on a path where
	// refusals arrive at once.
	hold       time.Duration
	promptHold time.Duration

	// refusalTime is how long the refusals of the last packets may take when a
	// path is left.
	refusalTime time.Duration

	// icmpInterval is the time between two refusals of a host that limits them.
	// silence is how long a server that was away must not refuse a probe to
	// count as up, and maxSilence bounds what the machine may learn to wait. At
	// an address that has not refused anything yet freshSilence is enough.
	icmpInterval time.Duration
	silence      time.Duration
	maxSilence   time.Duration
	freshSilence time.Duration

	probeInterval     time.Duration // between two probes
	fastProbeInterval time.Duration // the same if an expected refusal is missing

	// resolveTime is how long the kernel asks for a neighbor before packets come
	// back.
	resolveTime time.Duration

	maxInFlight int // bytes of packets in flight
}

// newPolicy returns the policy of a network.
func newPolicy(network string) policy {
	p := policy{
		flushInterval:    25 * time.Millisecond,
		retryInterval:    100 * time.Millisecond,
		maxRetryInterval: 100 * time.Millisecond,
		dialTimeout:      2 * time.Second,
		stallTimeout:     30 * time.Second,
		finishTimeout:    time.Second,
		busyInterval:     time.Millisecond,
		ackInterval:      20 * time.Millisecond,
		fileInterval:     time.Second,

		// At a high rate several full packets leave in one burst, for which the
		// server has to be woken once, and so has the sender: each costs as much
		// as a write. No more arrives in that time than burstBytes.
		burstInterval: time.Millisecond,

		maxInFlight: 6 << 20,
	}
	switch network {
	case UDP:
		p.isUDP, p.isPaced = true, true
		// A host whose link-layer address nobody tells is asked for three times,
		// a second each (RFC 4861, section 7.2.2; ARP is the same). Meanwhile the
		// kernel keeps some packets for it and drops the oldest if there are
		// more; then all that it still has come back. The rest is for timers.
		p.resolveTime = 3*time.Second + 40*time.Millisecond
		p.hold = p.resolveTime + time.Second
		p.promptHold = 20 * time.Millisecond
		p.refusalTime = 100 * time.Millisecond
		// Linux sends one refusal a second to a host, for all its sockets. Four
		// silent seconds are longer than resolveTime, too.
		p.icmpInterval = 1100 * time.Millisecond
		p.silence = 4 * p.icmpInterval
		p.maxSilence = 10 * time.Second
		p.freshSilence = 300 * time.Millisecond
		p.probeInterval = 100 * time.Millisecond
		p.fastProbeInterval = 20 * time.Millisecond
	case TCP:
		p.isStream, p.hasAcks = true, true
		p.maxRetryInterval = time.Second
	case Unix:
		p.isStream, p.hasNoDelay = true, true
	case Unixgram:
		p.hasNoDelay = true
	}
	if p.isStream {
		p.probation = 200 * time.Millisecond
		p.doubt = 4 * time.Second
	}
	return p
}
