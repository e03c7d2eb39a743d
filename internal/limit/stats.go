package limit

// ConnsRejected counts the connections that Conns has rejected, by the limit that they
// exceeded.
type ConnsRejected struct {
	Max        uint64 // that of all connections
	PerAddress uint64 // that of one address
}

// Rejected returns how many connections c has rejected.
func (c *Conns) Rejected() ConnsRejected {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rejected
}

// Known returns how many series are known.
func (s *Series) Known() int { return int(s.known.Load()) }

// Max returns how many series may be known.
func (s *Series) Max() int { return int(s.max) }

// Len returns how many clients are stored.
func (r *Rates) Len() int {
	n := 0
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		n += len(s.index)
		s.mu.Unlock()
	}
	return n
}
