// Package logsum logs events that clients cause, such as rejected requests, so that the
// log shows each kind of them but does not grow with their number: the first event of a
// kind at once, then once a minute how many there were, with one example.
package logsum

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Interval is the time between two lines about the same kind of events.
const Interval = time.Minute

// maxKinds bounds the kinds that are told apart. The Detail of further ones is dropped.
const maxKinds = 64

// Kind is what events have in common. Its fields must have few different values, none of
// them from a client.
type Kind struct {
	Level   slog.Level
	Message string // such as "requests rejected"
	Reason  string
	Detail  string // tells kinds with the same reason apart; not logged
	Option  string // that sets the limit, such as --rate-limit; empty for none
}

// Summary logs events by kind. It is safe for concurrent use.
type Summary struct {
	log *slog.Logger

	mu    sync.Mutex // protects the fields below
	sums  map[Kind]*sum
	timer *time.Timer // nil while there are no sums
}

// sum is what happened since the last line about a kind.
type sum struct {
	count      int
	client     uint64 // of the first event
	hasOthers  bool   // events of other clients followed
	attributes []slog.Attr
}

// New returns a Summary that logs to log.
func New(log *slog.Logger) *Summary {
	return &Summary{log: log, sums: make(map[Kind]*sum)}
}

// Add logs or counts n events of one client. client tells clients apart. describe
// returns the attributes of an example, first the client's; Add calls it for some
// events only.
func (s *Summary) Add(kind Kind, n int, client uint64, describe func() []slog.Attr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.sums[kind]
	if t == nil && len(s.sums) >= maxKinds {
		kind.Detail = ""
		t = s.sums[kind]
	}
	switch {
	case t == nil:
		s.write(kind, &sum{count: n, attributes: describe()})
		s.sums[kind] = new(sum)
		if s.timer == nil {
			s.timer = time.AfterFunc(Interval, s.tick)
		}
		return
	case t.count == 0:
		t.client, t.attributes = client, describe()
	case t.client != client:
		t.hasOthers = true
	}
	t.count += n
}

// tick logs the sums of the last interval and forgets the kinds without events.
func (s *Summary) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == nil {
		return // Flush was faster
	}
	s.writeAll()
	for kind, t := range s.sums {
		if t.count == 0 {
			delete(s.sums, kind)
		} else {
			*t = sum{}
		}
	}
	if len(s.sums) == 0 {
		s.timer = nil
	} else {
		s.timer.Reset(Interval)
	}
}

// Flush logs the sums at once and forgets them. Call it when no more events follow.
func (s *Summary) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.writeAll()
	clear(s.sums)
}

// writeAll logs the sums, the largest first. s.mu is held.
func (s *Summary) writeAll() {
	var kinds []Kind
	for kind, t := range s.sums {
		if t.count > 0 {
			kinds = append(kinds, kind)
		}
	}
	slices.SortFunc(kinds, func(a, b Kind) int {
		return cmp.Or(s.sums[b].count-s.sums[a].count, cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail))
	})
	for _, kind := range kinds {
		s.write(kind, s.sums[kind])
	}
}

// write logs one line:
//
//	msg="requests rejected" reason="rate limit" option=--rate-limit count=812 client=192.0.2.7 example.route="POST /batch"
//
// If there were several clients, the client is a part of the example.
func (s *Summary) write(kind Kind, t *sum) {
	line := []slog.Attr{slog.String("reason", kind.Reason)}
	if kind.Option != "" {
		line = append(line, slog.String("option", kind.Option))
	}
	line = append(line, slog.Int("count", t.count))
	example := t.attributes
	if t.hasOthers {
		line = append(line, slog.String("clients", "several"))
	} else {
		line, example = append(line, example[0]), example[1:]
	}
	line = append(line, slog.GroupAttrs("example", example...))
	s.log.LogAttrs(context.Background(), kind.Level, kind.Message, line...)
}
