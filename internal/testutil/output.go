package testutil

import "sync"

// outputSize is how many bytes an Output keeps.
const outputSize = 256 << 10

// Output is a writer that keeps the last 256 KiB of what is written to it. It may
// be read while it is written. Its zero value is empty.
type Output struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer. It never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	if extra := len(o.text) - outputSize; extra > 0 {
		o.text = append(o.text[:0], o.text[extra:]...)
	}
	return len(p), nil
}

// String returns what is kept.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}
