// Package top finds who and what is busiest: the series, names, clients, origins and
// reasons of rejections with the most metrics of the last minute. Its memory is bounded,
// and it looks at few metrics if there are many.
package top

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// slotTime is the time that one slot covers. The last numSlots slots and the
	// current one are reported: 60 to 70 seconds.
	slotTime = 10 * time.Second
	numSlots = 6

	// samplesPerSecond is about how many metrics are looked at each second.
	samplesPerSecond = 1000

	// maxEvery bounds how rarely metrics are looked at.
	maxEvery = 1 << 12

	// reportSize is how many keys a report lists for each dimension.
	reportSize = 10
)

// Event is a metric that was accepted or a request or metric that was rejected. Fields
// that are empty do not count.
type Event struct {
	Series []byte // name with tags, as in a line
	Name   []byte // without tags
	Client []byte // address, or subject of the token
	Origin []byte // of the page
	Reason []byte // of the rejection
}

// The dimensions of a report.
const (
	dimSeries = iota
	dimNames
	dimClients
	dimOrigins
	dimReasons
	numDims
)

var dimensionNames = [numDims]string{"series", "names", "clients", "origins", "reasons"}

// Top finds the busiest keys. It is safe for concurrent use.
type Top struct {
	every atomic.Int64 // 1 looks at all metrics, 2 at half of them

	mu        sync.Mutex
	samples   int  // since the last call of adapt, or since every was raised
	wasRaised bool // every was raised since the last call of adapt
	isAdapted bool // a timer will call adapt
	slots     [numSlots + 1]slot
}

// slot holds the events of slotTime.
type slot struct {
	number   int64 // since the Unix epoch
	sketches [numDims]sketch
}

// New returns an empty Top.
func New() *Top {
	t := new(Top)
	t.every.Store(1)
	return t
}

// Sample reports whether to Record the next event, and for how many events it stands:
// weight is 0 if it is left out. skip belongs to the caller and begins as 0; one
// goroutine uses it at a time. Sample is cheap enough to be called for each metric.
func (t *Top) Sample(skip *int64) (weight int64) {
	every := t.every.Load()
	if *skip > 0 && *skip <= 2*every { // more is left of a time with more events
		*skip--
		return 0
	}
	*skip = rand.Int64N(2*every - 1) // every-1 on average
	return every
}

// Record counts an event that stands for weight events.
func (t *Top) Record(now time.Time, weight int64, e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	number := now.UnixNano() / int64(slotTime)
	s := &t.slots[number%int64(len(t.slots))]
	if s.number != number {
		s.number = number
		for i := range s.sketches {
			s.sketches[i].reset()
		}
	}
	for i, key := range [numDims][]byte{e.Series, e.Name, e.Client, e.Origin, e.Reason} {
		s.sketches[i].add(key, uint64(weight))
	}
	if t.samples++; t.samples < samplesPerSecond {
		return
	}
	t.samples, t.wasRaised = 0, true
	t.every.Store(min(maxEvery, 2*t.every.Load()))
	if !t.isAdapted {
		t.isAdapted = true
		time.AfterFunc(time.Second, t.adapt)
	}
}

// adapt lowers every if there were few events in the last second.
func (t *Top) adapt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	every := t.every.Load()
	if !t.wasRaised && t.samples < samplesPerSecond/4 {
		every = max(1, every/2)
		t.every.Store(every)
	}
	t.samples, t.wasRaised = 0, false
	if t.isAdapted = every > 1; t.isAdapted {
		time.AfterFunc(time.Second, t.adapt)
	}
}

// Count is a key with the number of its events, which is too large by at most Fault.
// Both are estimates if not all events were looked at.
type Count struct {
	Key   string `json:"key"`
	Count uint64 `json:"count"`
	Fault uint64 `json:"fault"`
}

// Dimension lists the busiest keys of one kind, the busiest first.
type Dimension struct {
	Name   string
	Counts []Count
}

// Report returns the busiest keys of the last minute, at most ten of each kind.
func (t *Top) Report(now time.Time) []Dimension {
	t.mu.Lock()
	defer t.mu.Unlock()
	number := now.UnixNano() / int64(slotTime)
	dimensions := make([]Dimension, numDims)
	for i := range dimensions {
		sums := make(map[string]Count)
		for j := range t.slots {
			if s := &t.slots[j]; s.number <= number && number-s.number <= numSlots {
				for _, c := range s.sketches[i].counters {
					sum := sums[c.key]
					sums[c.key] = Count{c.key, sum.Count + c.count, sum.Fault + c.fault}
				}
			}
		}
		dimensions[i] = Dimension{dimensionNames[i], busiest(sums)}
	}
	return dimensions
}

// busiest returns the largest counts, the largest first.
func busiest(sums map[string]Count) []Count {
	all := make([]Count, 0, len(sums))
	for _, c := range sums {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Count) int {
		if a.Count != b.Count {
			return cmp.Compare(b.Count, a.Count)
		}
		return strings.Compare(a.Key, b.Key)
	})
	return all[:min(len(all), reportSize)]
}
