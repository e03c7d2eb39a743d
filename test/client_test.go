package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"statsd-http-proxy/test/harness"
)

// clientFile returns the path of a file of the browser's client, which
// test/install builds, or skips the test.
func clientFile(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../client", file))
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(path)
	harness.Need(t, err == nil, "there is no "+file+" in client, see test/install")
	return path
}

// chromium is a headless browser that does what a test tells it.
type chromium struct {
	*harness.Process
	stdin  io.WriteCloser
	number int // of the last command
}

func startChromium(t *testing.T) *chromium {
	t.Helper()
	cmd := browserCommand(t, "client.mjs", map[string]any{"port": harness.FreePort(t)})
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &chromium{Process: harness.Start(t, cmd), stdin: stdin}
	c.answer(t)
	t.Cleanup(func() {
		stdin.Close()
		c.Wait(t, harness.Patience)
		if c.Err != nil {
			t.Errorf("browser/client.mjs ended with: got %v, want exit code 0", c.Err)
		}
	})
	return c
}

// answer waits for the answer to the last command.
func (c *chromium) answer(t *testing.T) (value json.RawMessage) {
	t.Helper()
	var text string
	c.Ready(t, func() bool {
		_, after, ok := strings.Cut("\n"+c.Stdout.String(), fmt.Sprintf("\n%d ", c.number))
		if ok {
			text, _, ok = strings.Cut(after, "\n")
		}
		return ok
	})
	var answer struct {
		Value json.RawMessage
		Error string
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("the answer %q: %v", text, err)
	}
	if answer.Error != "" {
		t.Fatalf("command %d of the browser: %s", c.number, answer.Error)
	}
	return answer.Value
}

// do has the browser carry out a command and decodes what it returns into
// value, unless that is nil.
func (c *chromium) do(t *testing.T, value any, command string, argument map[string]any) {
	t.Helper()
	line := map[string]any{"command": command}
	for name, a := range argument {
		line[name] = a
	}
	text, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	c.number++
	if _, err := c.stdin.Write(append(text, '\n')); err != nil {
		t.Fatal(err)
	}
	answer := c.answer(t)
	if value == nil {
		return
	}
	if err := json.Unmarshal(answer, value); err != nil {
		t.Fatalf("%s answers %.200s: %v", command, answer, err)
	}
}

// tab is a page in a tab of its own.
type tab struct {
	*chromium
	number int
}

// open opens url in a new tab, in front of the others. The test fails if an
// error goes uncaught in the page.
func (c *chromium) open(t *testing.T, url string) *tab {
	t.Helper()
	p := &tab{chromium: c}
	c.do(t, &p.number, "open", map[string]any{"url": url})
	return p
}

func (p *tab) tell(t *testing.T, value any, command string, argument map[string]any) {
	t.Helper()
	if argument == nil {
		argument = map[string]any{}
	}
	argument["page"] = p.number
	p.do(t, value, command, argument)
}

// run runs code in the page, which may await, and decodes what it returns into
// value, unless that is nil.
func (p *tab) run(t *testing.T, value any, code string) {
	t.Helper()
	p.tell(t, value, "run", map[string]any{"code": code})
}

// runUntil runs code until it returns true.
func (p *tab) runUntil(t *testing.T, what, code string) {
	t.Helper()
	harness.Eventually(t, what, func() (done bool) {
		p.run(t, &done, code)
		return done
	})
}

// hide opens another tab before it, show takes it to the front again.
func (p *tab) hide(t *testing.T) { t.Helper(); p.chromium.open(t, "about:blank") }
func (p *tab) show(t *testing.T) { t.Helper(); p.tell(t, nil, "front", nil) }
func (p *tab) leave(t *testing.T, url string) {
	t.Helper()
	p.tell(t, nil, "goto", map[string]any{"url": url})
}
func (p *tab) back(t *testing.T)  { t.Helper(); p.tell(t, nil, "back", nil) }
func (p *tab) close(t *testing.T) { t.Helper(); p.tell(t, nil, "close", nil) }

func (p *tab) click(t *testing.T, text string) {
	t.Helper()
	p.tell(t, nil, "click", map[string]any{"text": text})
}

// mustBeQuiet fails the test if an error went uncaught in the page.
func (p *tab) mustBeQuiet(t *testing.T) {
	t.Helper()
	var uncaught []string
	p.tell(t, &uncaught, "uncaught", nil)
	if len(uncaught) > 0 {
		t.Errorf("errors that the page has not caught: got %q, want none", uncaught)
	}
}

// clientPage has the client at hand, as a module, and remembers what onError was
// told, and how often it was told of an attempt that is made again.
const clientPage = `<!doctype html>
<title>A page with the client</title>
<h1>A page with the client</h1>
<script type="module">
import { StatsD } from '/client/dist/index.js';
window.told = [];
window.retried = 0;
const onError = ({ kind, message }) => {
  kind === 'retry' ? window.retried++ : told.push(kind + ': ' + message);
};
window.start = (options) => {
  window.statsd = new StatsD({ onError, ...options });
};
window.ready = true;
</script>
`

// serveClient serves the client's files below /client/, and html as /, on an
// origin of its own.
func serveClient(t *testing.T, html string) (url string) {
	t.Helper()
	clientFile(t, "dist/index.js")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, html)
	})
	mux.Handle("GET /client/", http.StripPrefix("/client/", http.FileServer(http.Dir("../client"))))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// openClient opens a page that has a client with options, as JavaScript has
// them, in its variable statsd.
func (c *chromium) openClient(t *testing.T, options string) *tab {
	t.Helper()
	p := c.open(t, serveClient(t, clientPage))
	p.runUntil(t, "the client", `return !!window.ready`)
	p.run(t, nil, `start(`+options+`)`)
	return p
}

// mustBeTold compares what the client has told in onError.
func (p *tab) mustBeTold(t *testing.T, want ...string) {
	t.Helper()
	var told []string
	p.run(t, &told, `return told`)
	if len(told) != len(want) {
		t.Errorf("what onError was told: got %q, want %q", told, want)
		return
	}
	for i := range told {
		if !strings.Contains(told[i], want[i]) {
			t.Errorf("what onError was told: got %q, want a word on %q", told[i], want[i])
		}
	}
}

// waitForCounter waits until StatsD knows a counter.
func (s *etsyStatsD) waitForCounter(t *testing.T, name string) {
	t.Helper()
	harness.Eventually(t, "the counter "+name+" in StatsD", func() bool {
		text, err := s.ask("counters")
		_, known := parseInspected(text).numbers[name]
		return err == nil && known
	})
}

// heldInTheEnd stops the proxy and StatsD and returns all that it was sent, in
// however many lines.
func (s *etsyStatsD) heldInTheEnd(t *testing.T, proxy *proxy) etsyMetrics {
	t.Helper()
	proxy.Stop(t)
	// What the proxy has sent is in StatsD's socket, ahead of this.
	conn, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const mark = "end.of.test"
	if _, err := io.WriteString(conn, mark+":1|c"); err != nil {
		t.Fatal(err)
	}
	s.waitForCounter(t, mark)
	text, err := s.ask("counters")
	if err != nil {
		t.Fatal(err)
	}
	held := s.flush(t, int(parseInspected(text).numbers["statsd.metrics_received"]))
	delete(held.Counters, mark)
	return held
}
