package proxytest

import (
	"fmt"
	"sync"
)

// Sink keeps what a Proxy sends, by the groups of lines.
type Sink struct {
	mu   sync.Mutex
	sent []string
	err  error
}

// Send implements ingest.Sink.
func (s *Sink) Send(lines []byte, ends []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	start := 0
	for _, end := range ends {
		s.sent = append(s.sent, string(lines[start:end]))
		start = end + 1
	}
	if start != len(lines)+1 {
		return fmt.Errorf("the lines %q end at %v", lines, ends)
	}
	return nil
}

// Fail makes Send return err from now on.
func (s *Sink) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Take returns what was sent since its last call.
func (s *Sink) Take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// Len returns how many groups of lines were sent since the last call of Take.
func (s *Sink) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}
