package top

// maxKeyBytes is how many bytes of a key a sketch keeps.
const maxKeyBytes = 512

// sketch finds the keys with the largest counts in a stream, with a fixed number of
// counters: Space-Saving, see Metwally, Agrawal and El Abbadi, "Efficient Computation of
// Frequent and Top-k Elements in Data Streams", 2005. A new key takes the counter of the
// key with the smallest count and begins with this count. So a count is never too small,
// and too large by at most its fault. Each key with more than 1/len(counters) of all
// counts is found.
type sketch struct {
	index    map[string]int // of the counter of each key
	counters []counter
}

type counter struct {
	key   string
	count uint64
	fault uint64 // count may be too large by this
}

// numCounters is the number of counters of a sketch.
const numCounters = 100

// add adds weight to the count of key. It copies key if it keeps it.
func (s *sketch) add(key []byte, weight uint64) {
	if len(key) == 0 {
		return
	}
	key = key[:min(len(key), maxKeyBytes)]
	if i, ok := s.index[string(key)]; ok {
		s.counters[i].count += weight
		return
	}
	if s.index == nil {
		s.index = make(map[string]int, numCounters)
	}
	if len(s.counters) < numCounters {
		s.index[string(key)] = len(s.counters)
		s.counters = append(s.counters, counter{key: string(key), count: weight})
		return
	}
	least := 0
	for i := range s.counters {
		if s.counters[i].count < s.counters[least].count {
			least = i
		}
	}
	c := &s.counters[least]
	delete(s.index, c.key)
	*c = counter{key: string(key), count: c.count + weight, fault: c.count}
	s.index[c.key] = least
}

// reset empties s.
func (s *sketch) reset() {
	clear(s.index)
	clear(s.counters)
	s.counters = s.counters[:0]
}
