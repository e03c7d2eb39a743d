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

	// A new connection of a stream is on probation for the first time and in
	// doubt for the second: a balancer accepts connections also if the server is
	// away, and closes them after it has failed to reach the server. HAProxy
	// tries for 3 s.
	probation    time.Duration
	doubt        time.Duration
	rampInterval time.Duration // until twice as many packets may be written, after the probation

	// A written UDP packet is kept for hold, or for promptHold on a path where
	// refusals arrive at once.
	hold       time.Duration
	promptHold time.Duration

	// refusalTime is how long to wait for refusals of the last packets before a
	// connection is closed.
	refusalTime time.Duration

	// icmpInterval is the time between two refusals of a host that limits them. A
	// server that was away counts as up after it has refused no probe for
	// silence, or longer if refusals were missing, up to maxSilence. At an
	// address that has refused nothing in this outage, freshSilence is enough.
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
		// The kernel asks three times for the link-layer address of a host, and
		// waits a second each time (RFC 4861, section 7.2.2; ARP is the same).
		// Meanwhile it keeps some packets and drops the oldest if there are more.
		// Then it returns those that it still has. The rest is for timers.
		p.resolveTime = 3*time.Second + 40*time.Millisecond
		p.hold = p.resolveTime + time.Second
		p.promptHold = 20 * time.Millisecond
		p.refusalTime = 100 * time.Millisecond
		// Linux sends one refusal a second to a host, for all its sockets. The
		// silence has to be longer than resolveTime, too.
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
		p.doubt = 5 * time.Second
		p.rampInterval = p.flushInterval
	}
	return p
}
