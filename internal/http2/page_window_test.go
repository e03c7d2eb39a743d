package http2

import (
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// TestPageWaitsForWindows has a client give windows step by step.
func TestPageWaitsForWindows(t *testing.T) {
	const text = "0123456789"
	page := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	testPages(t, page, func(t *testing.T, _ *Server, c *pipeClient) {
		c.take()
		c.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 2})
		id := c.get("/")
		step := func(name string, want int, write func()) {
			t.Helper()
			write()
			c.send()
			if got := c.replies(); got.body[id] != text[:want] || got.ended[id] != (want == len(text)) {
				t.Errorf("%s: got %q, ended %t, want %d bytes", name, got.body[id], got.ended[id], want)
			}
		}
		step("the initial window", 2, func() {})
		step("a window of the stream", 5, func() { _ = c.framer.WriteWindowUpdate(id, 3) })
		step("a setting", 7, func() { _ = c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 4}) })
		step("the rest", len(text), func() { _ = c.framer.WriteWindowUpdate(id, 1000) })
	})
}

// TestPageWaitsForTheWindowOfTheConnection has pages use up the window of the connection.
func TestPageWaitsForTheWindowOfTheConnection(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(letters(defaultWindow + 10)) }
	testPages(t, page, func(t *testing.T, _ *Server, c *pipeClient) {
		id := c.get("/")
		_ = c.framer.WriteWindowUpdate(id, 1000)
		c.send()
		if got := c.replies(); len(got.body[id]) != defaultWindow {
			t.Errorf("got %d bytes, want %d", len(got.body[id]), defaultWindow)
		}
		_ = c.framer.WriteWindowUpdate(0, 1000)
		c.send()
		if got := c.replies(); len(got.body[id]) != defaultWindow+10 || !got.ended[id] {
			t.Errorf("got %d bytes, ended %t, want %d", len(got.body[id]), got.ended[id], defaultWindow+10)
		}
	})
}

// TestWritesOfAPageHaveATimeout has a client give no window, but other frames.
func TestWritesOfAPageHaveATimeout(t *testing.T) {
	type result struct {
		n    int
		err  error
		took time.Duration
	}
	results := make(chan result, 1)
	page := func(w http.ResponseWriter, _ *http.Request) {
		start := time.Now()
		n, err := w.Write(letters(8 << 10))
		results <- result{n, err, time.Since(start)}
	}
	testPages(t, page, func(t *testing.T, s *Server, c *pipeClient) {
		s.options.WriteTimeout = 10 * time.Second
		c.take()
		c.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})
		id := c.get("/")
		c.send()
		time.Sleep(7 * time.Second)
		_ = c.framer.WriteWindowUpdate(id, 1)
		c.send()
		time.Sleep(4 * time.Second)
		if got := c.replies(); got.errors() != "1: INTERNAL_ERROR" || len(got.body[id]) != 101 {
			t.Errorf("got %d bytes, errors %q", len(got.body[id]), got.errors())
		}
		if r := <-results; !errors.Is(r.err, os.ErrDeadlineExceeded) || r.n != 101 || r.took != 10*time.Second {
			t.Errorf("the page wrote %d bytes in %v: %v", r.n, r.took, r.err)
		}
		if seconds := c.stats.Snapshot().Seconds; seconds != 10 {
			t.Errorf("the request took %v s", seconds)
		}
	})
}

// TestResetEndsAWaitingPage resets the stream of a page that waits for a window.
func TestResetEndsAWaitingPage(t *testing.T) {
	var n int
	var err error
	page := func(w http.ResponseWriter, _ *http.Request) { n, err = w.Write(letters(8 << 10)) }
	testPages(t, page, func(t *testing.T, _ *Server, c *pipeClient) {
		c.take()
		c.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})
		id := c.get("/")
		c.send()
		_ = c.framer.WriteRSTStream(id, http2.ErrCodeCancel)
		c.send()
		if n != 100 || !errors.Is(err, errStreamEnded) {
			t.Errorf("the page wrote %d bytes: %v", n, err)
		}
	})
}

// TestPageOfAClientThatDoesNotRead has a client stop reading.
func TestPageOfAClientThatDoesNotRead(t *testing.T) {
	var err error
	page := func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Second)
		err = http.NewResponseController(w).Flush()
	}
	testPages(t, page, func(t *testing.T, s *Server, c *pipeClient) {
		s.options.WriteTimeout = 10 * time.Second
		c.get("/")
		c.send()
		_ = c.conn.SetReadDeadline(time.Unix(1, 0))
		time.Sleep(time.Second + s.options.WriteTimeout*9/8)
		synctest.Wait()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the page gets %v", err)
		}
	})
}
