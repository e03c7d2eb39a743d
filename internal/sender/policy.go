package sender

import "time"

// policy holds the traits of a network, and the times and limits of a machine. They
// depend only on the network. Tests use shorter times.
type policy struct {
	isPaced  bool // UDP: packets that are sent too fast are dropped
	isStream bool // TCP, Unix: packets are parts of a byte stream
	isUDP    bool // UDP: a written packet may be refused
	hasAcks  bool // TCP: the peer's kernel acknowledges bytes
	isUnix   bool // Unixgram, Unix: the server has a packet as soon as it is written

	// flushInterval is how long a line waits for other lines to share its packet. It
	// is well below the promised 100 ms, because timers of a busy machine fire late.
	flushInterval time.Duration

	// A round tries all addresses. After the first failed round, the machine waits for
	// retryInterval, then twice as long after each further round, up to
	// maxRetryInterval. For TCP the interval grows and has a random part, because many
	// proxies may connect to one server.
	retryInterval    time.Duration
	maxRetryInterval time.Duration

	dialTimeout   time.Duration // for one attempt to connect
	stallTimeout  time.Duration // a TCP peer that acknowledges nothing for this long is away
	finishTimeout time.Duration // to finish a connection while lines wait for the next one
	busyInterval  time.Duration // between two writes to a full socket
	ackInterval   time.Duration // between two checks of what a peer has acknowledged
	fileInterval  time.Duration // between two checks of the file of a Unix socket
	burstInterval time.Duration // between two bursts of packets

	// A new connection of a stream is on probation for the time probation, and in doubt
	// for the time doubt. A load balancer accepts connections even if the server is
	// away, and closes them after it has failed to reach the server. HAProxy tries for
	// 3 s.
	probation    time.Duration
	doubt        time.Duration
	rampInterval time.Duration // until twice as many packets may be written, after the probation

	// A written UDP packet may be refused for refusalTimeout, or for promptRefusalTimeout
	// on a prompt path. After that the machine can confirm it.
	refusalTimeout       time.Duration
	promptRefusalTimeout time.Duration

	// lastRefusalTimeout is how long the machine waits for refusals of the last UDP
	// packets before it closes the socket.
	lastRefusalTimeout time.Duration

	// icmpInterval is the time between two refusals from a host that limits them.
	// A server that was away counts as up when it has refused no packet for silence,
	// if its refusals came that often. If other senders may share them, the machine
	// waits for sharedSilence or, if refusals came less often, for longer, up to
	// maxSilence. At an address that has refused nothing in this outage, freshSilence
	// is enough.
	icmpInterval  time.Duration
	silence       time.Duration
	sharedSilence time.Duration
	maxSilence    time.Duration
	freshSilence  time.Duration

	probeInterval    time.Duration // between two probes, on average
	minProbeInterval time.Duration // the same, if a refusal is long overdue

	// neighborTimeout is how long the kernel looks for the link-layer address of a host
	// before it refuses the packets to it.
	neighborTimeout time.Duration

	renewInterval time.Duration // UDP: between two renewals of the socket; 0 means never

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

		// At a high rate, the machine writes several full packets in one burst. The
		// server and the sender then wake once for all of them; each time costs as
		// much as a write. Fewer than burstBytes arrive in this interval.
		burstInterval: time.Millisecond,

		maxInFlight: 6 << 20,
	}
	switch network {
	case UDP:
		p.isUDP, p.isPaced = true, true
		// The kernel asks three times for the link-layer address of a host, once a
		// second (RFC 4861, section 7.2.2; ARP does the same). Meanwhile it queues a
		// few packets for the host and drops the oldest ones beyond them. If there is
		// no answer, it refuses the queued packets. The 40 ms are for late timers.
		p.neighborTimeout = 3*time.Second + 40*time.Millisecond
		p.refusalTimeout = p.neighborTimeout + time.Second
		p.promptRefusalTimeout = 20 * time.Millisecond
		p.lastRefusalTimeout = 100 * time.Millisecond
		// Linux sends one refusal a second to a host, for all sockets of the host.
		// Four such intervals are also longer than neighborTimeout.
		p.icmpInterval = 1100 * time.Millisecond
		p.silence = 4 * p.icmpInterval
		// TestSharedRefusals shows that these are enough for six senders.
		p.sharedSilence = 15 * time.Second
		p.maxSilence = 30 * time.Second
		p.freshSilence = 300 * time.Millisecond
		p.probeInterval = 100 * time.Millisecond
		p.minProbeInterval = 2 * time.Millisecond
	case TCP:
		p.isStream, p.hasAcks = true, true
		p.maxRetryInterval = time.Second
	case Unix:
		p.isStream, p.isUnix = true, true
	case Unixgram:
		p.isUnix = true
	}
	if p.isStream {
		p.probation = 200 * time.Millisecond
		p.doubt = 5 * time.Second
		p.rampInterval = p.flushInterval
	}
	return p
}
