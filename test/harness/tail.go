package harness

import (
	"sync"
)

// tailSize is how much of its output a program may have remembered.
const tailSize = 256 << 10

// Tail is a writer that keeps the end of what was written. It may be read
// while it is written.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

func (w *Tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p...)
	if extra := len(w.text) - tailSize; extra > 0 {
		w.text = append(w.text[:0], w.text[extra:]...)
	}
	return len(p), nil
}

func (w *Tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}
