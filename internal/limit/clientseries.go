package limit

import (
	"sync"
	"time"
)

// ClientSeries limits the number of distinct series of single clients, each to a
// maximum of its own. As in Series, a series is known if it was seen in the current
// minute or in the minute before. Most clients have no such limit, so the tables grow as
// they are used.
type ClientSeries struct {
	start time.Time

	mu      sync.Mutex
	clients map[Client]*knownSeries
	total   int // known series of all clients
}

// Bounds of a ClientSeries. Its series take up to some 100 MB.
const (
	maxSeriesClients = 10_000
	maxClientSeries  = 1_000_000 // of all clients together
)

// knownSeries are the known series of one client.
type knownSeries struct {
	minute            int64 // the latest minute in which the client was seen, since ClientSeries.start
	current, previous map[uint64]struct{}
}

// NewClientSeries returns a ClientSeries without a client.
func NewClientSeries() *ClientSeries {
	return &ClientSeries{start: time.Now(), clients: make(map[Client]*knownSeries)}
}

// Admit reports whether client c can write the series with the given hash at the time
// now, if it may write up to max series, and whether the series is new.
func (s *ClientSeries) Admit(c Client, max int, hash uint64, now time.Time) (admitted, isNew bool) {
	minute := int64(now.Sub(s.start) / time.Minute)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.clients[c]
	if known == nil {
		if len(s.clients) >= maxSeriesClients {
			s.sweep(minute)
		}
		if len(s.clients) >= maxSeriesClients {
			return false, false
		}
		known = &knownSeries{minute: minute, current: make(map[uint64]struct{})}
		s.clients[c] = known
	}
	s.total -= known.startMinute(minute)
	if _, ok := known.current[hash]; ok {
		return true, false
	}
	_, wasSeen := known.previous[hash]
	switch {
	case wasSeen:
		delete(known.previous, hash)
	case len(known.current)+len(known.previous) >= max:
		return false, false
	case s.total >= maxClientSeries:
		if s.sweep(minute); s.total >= maxClientSeries {
			return false, false
		}
		s.clients[c] = known // sweep removes a client without series
		s.total++
	default:
		s.total++
	}
	known.current[hash] = struct{}{}
	return true, !wasSeen
}

// Remove removes a series that Admit has reported as new.
func (s *ClientSeries) Remove(c Client, hash uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.clients[c]
	if known == nil {
		return
	}
	before := len(known.current) + len(known.previous)
	delete(known.current, hash)
	delete(known.previous, hash)
	s.total -= before - len(known.current) - len(known.previous)
}

// sweep removes series that are not known any more, and clients without series.
func (s *ClientSeries) sweep(minute int64) {
	for c, known := range s.clients {
		s.total -= known.startMinute(minute)
		if len(known.current)+len(known.previous) == 0 {
			delete(s.clients, c)
		}
	}
}

// startMinute begins a minute, unless it has begun, and returns the number of series that
// are no longer known. A minute before the latest one counts as the latest one.
func (k *knownSeries) startMinute(minute int64) (forgotten int) {
	switch passed := minute - k.minute; {
	case passed <= 0:
		return 0
	case passed == 1:
		forgotten = len(k.previous)
		k.previous, k.current = k.current, make(map[uint64]struct{})
	default:
		forgotten = len(k.previous) + len(k.current)
		k.previous, k.current = nil, make(map[uint64]struct{})
	}
	k.minute = minute
	return forgotten
}
