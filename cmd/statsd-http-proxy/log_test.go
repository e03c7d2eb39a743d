package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBothLogFormatsHaveTheSameKeysAndValues(t *testing.T) {
	var text, object bytes.Buffer
	for format, out := range map[string]*bytes.Buffer{"text": &text, "json": &object} {
		newLogger(out, parse(t, "--log-format="+format)).Warn("it happened",
			"address", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}, "duration", 1500*time.Millisecond,
			"error", errors.New("a \"quoted\"\nline"), "count", 3, "tls", true)
	}
	if _, rest, _ := strings.Cut(text.String(), " "); rest != `level=WARN msg="it happened" address=127.0.0.1:80 duration=1.5s error="a \"quoted\"\nline" count=3 tls=true`+"\n" {
		t.Errorf("text: got %s", rest)
	}
	var got map[string]any
	if err := json.Unmarshal(object.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "WARN", "msg": "it happened", "address": "127.0.0.1:80", "duration": "1.5s",
		"error": "a \"quoted\"\nline", "count": 3.0, "tls": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestLogLevelLeavesOutLowerLines(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		var b bytes.Buffer
		log := newLogger(&b, parse(t, args...))
		log.Debug("debug")
		log.Info("info")
		log.Warn("warn")
		log.Error("error")
		var got []string
		for line := range strings.Lines(b.String()) {
			_, message, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			got = append(got, message)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", args, got, want)
		}
	}
	f("info warn error")
	f("debug info warn error", "--log-level=debug")
	f("debug info warn error", "--verbose", "--log-level=error")
	f("warn error", "--log-level=warn")
	f("error", "--log-level=error")
}
