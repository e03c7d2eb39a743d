package testutil

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// BrowserCommand returns a command that runs a script of test/browser/scripts. It
// adds the path of Chromium to the options and passes them as JSON.
func BrowserCommand(t testing.TB, script string, options map[string]any) *exec.Cmd {
	t.Helper()
	node := NeedCommand(t, "node")
	options["chromium"] = NeedCommand(t, "chromium")
	NeedFile(t, "test/node_modules/playwright-core/package.json")
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(node, Path("test/browser/scripts/"+script), string(text))
}

// BrowserScript is a running script of test/browser/scripts that has printed a
// report and keeps its pages open.
type BrowserScript struct {
	*Process
	stdin io.WriteCloser
}

// StartBrowserScript starts a script, waits for its report and decodes the report
// into seen.
func StartBrowserScript(t testing.TB, script string, seen any, options map[string]any) *BrowserScript {
	t.Helper()
	cmd := BrowserCommand(t, script, options)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &BrowserScript{Start(t, cmd), stdin}
	b.WaitReady(t, func() bool { return strings.HasSuffix(b.Stdout.String(), "\n") })
	if err := json.Unmarshal([]byte(b.Stdout.String()), seen); err != nil {
		t.Fatalf("the report of %s: %v", script, err)
	}
	return b
}

// End closes the pages and waits for the end of the script.
func (b *BrowserScript) End(t testing.TB) {
	t.Helper()
	b.stdin.Close()
	b.Wait(t, Patience)
	if b.Err != nil {
		t.Errorf("the browser's script ended with: got %v, want exit code 0", b.Err)
	}
}

// Chromium is a headless browser that runs the commands of a test.
type Chromium struct {
	*Process
	stdin  io.WriteCloser
	number int // of the last command
}

// StartChromium starts a browser. It ends with the test.
func StartChromium(t testing.TB) *Chromium {
	t.Helper()
	cmd := BrowserCommand(t, "client.mjs", map[string]any{"port": FreePort(t)})
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &Chromium{Process: Start(t, cmd), stdin: stdin}
	c.answer(t)
	t.Cleanup(func() {
		stdin.Close()
		c.Wait(t, Patience)
		if c.Err != nil {
			t.Errorf("client.mjs ended with: got %v, want exit code 0", c.Err)
		}
	})
	return c
}

// answer waits for the answer to the last command.
func (c *Chromium) answer(t testing.TB) (value json.RawMessage) {
	t.Helper()
	var text string
	c.WaitReady(t, func() bool {
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

// do sends a command and decodes its result into value, unless value is nil.
func (c *Chromium) do(t testing.TB, value any, command string, argument map[string]any) {
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

// Tab is a tab of a Chromium.
type Tab struct {
	chromium *Chromium
	number   int
}

// Open opens url in a new tab, in front of the other tabs.
func (c *Chromium) Open(t testing.TB, url string) *Tab {
	t.Helper()
	tab := &Tab{chromium: c}
	c.do(t, &tab.number, "open", map[string]any{"url": url})
	return tab
}

func (tab *Tab) do(t testing.TB, value any, command string, argument map[string]any) {
	t.Helper()
	if argument == nil {
		argument = map[string]any{}
	}
	argument["page"] = tab.number
	tab.chromium.do(t, value, command, argument)
}

// Run runs code in the page and decodes what it returns into value, unless value is
// nil. The code may use await.
func (tab *Tab) Run(t testing.TB, value any, code string) {
	t.Helper()
	tab.do(t, value, "run", map[string]any{"code": code})
}

// RunUntil runs code in the page until it returns true. what names the event in the
// failure.
func (tab *Tab) RunUntil(t testing.TB, what, code string) {
	t.Helper()
	Eventually(t, what, func() (isDone bool) {
		tab.Run(t, &isDone, code)
		return isDone
	})
}

// Hide opens another tab in front of this one.
func (tab *Tab) Hide(t testing.TB) {
	t.Helper()
	tab.chromium.Open(t, "about:blank")
}

// Show brings the tab to the front.
func (tab *Tab) Show(t testing.TB) {
	t.Helper()
	tab.do(t, nil, "front", nil)
}

// Goto loads another page in the tab.
func (tab *Tab) Goto(t testing.TB, url string) {
	t.Helper()
	tab.do(t, nil, "goto", map[string]any{"url": url})
}

// Back goes back to the page before Goto.
func (tab *Tab) Back(t testing.TB) {
	t.Helper()
	tab.do(t, nil, "back", nil)
}

// Close closes the tab.
func (tab *Tab) Close(t testing.TB) {
	t.Helper()
	tab.do(t, nil, "close", nil)
}

// Click clicks the element that has the text.
func (tab *Tab) Click(t testing.TB, text string) {
	t.Helper()
	tab.do(t, nil, "click", map[string]any{"text": text})
}

// MustHaveNoUncaughtErrors fails the test if the page did not catch an error.
func (tab *Tab) MustHaveNoUncaughtErrors(t testing.TB) {
	t.Helper()
	var uncaught []string
	tab.do(t, &uncaught, "uncaught", nil)
	if len(uncaught) > 0 {
		t.Errorf("errors that the page has not caught: got %q, want none", uncaught)
	}
}
