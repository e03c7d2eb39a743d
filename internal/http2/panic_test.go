package http2

import "testing"

// panickingInput is an Input that panics instead of waiting.
type panickingInput struct{ testInput }

func (in *panickingInput) Fill() error {
	if len(in.parts) == 0 {
		panic("fault")
	}
	return in.testInput.Fill()
}

// TestPanicsWhileWaitingEndTheConnection has the input panic while a request is open. The
// panic reaches the caller, who ends the connection.
func TestPanicsWhileWaitingEndTheConnection(t *testing.T) {
	s := newTestServer(t, new(discardSink))
	r := newRequestFrames()
	r.preface()
	r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
	c, _ := newTestConn(s, &panickingInput{testInput{parts: [][]byte{r.take()}}})
	defer func() {
		if fault := recover(); fault != "fault" {
			t.Errorf("got the panic %v, want that of the input", fault)
		}
		if len(c.streams) > 0 || c.isActive || c.out != nil {
			t.Errorf("the connection ends with %d streams, active %t, output %v", len(c.streams), c.isActive, c.out)
		}
		if !c.mu.TryLock() {
			t.Error("the connection ends locked")
		}
	}()
	c.serve()
}
