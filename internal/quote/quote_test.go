package quote

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBytesQuotesAtMost60Bytes(t *testing.T) {
	f := func(input, want string) {
		t.Helper()
		if got := Bytes([]byte(input)); got != want {
			t.Errorf("Bytes(%q) = %s, want %s", input, got, want)
		}
	}
	f("", `""`)
	f("a\nb\xff", `"a\nb\xff"`)
	f(strings.Repeat("a", 60), `"`+strings.Repeat("a", 60)+`"`)
	f(strings.Repeat("a", 61), `"`+strings.Repeat("a", 60)+`"…`)
	f(strings.Repeat("é", 40), `"`+strings.Repeat("é", 30)+`"…`)
	f("a"+strings.Repeat("é", 40), `"a`+strings.Repeat("é", 29)+`"…`)
	f(strings.Repeat("\x80", 70), `"`+strings.Repeat(`\x80`, 56)+`"…`)
}

func TestCutKeepsAtMost60Bytes(t *testing.T) {
	f := func(input, want string) {
		t.Helper()
		if got := Cut(input); got != want {
			t.Errorf("Cut(%q) = %q, want %q", input, got, want)
		}
	}
	f("", "")
	f(strings.Repeat("a", 60), strings.Repeat("a", 60))
	f(strings.Repeat("a", 61), strings.Repeat("a", 60)+"…")
	f(strings.Repeat("é", 40), strings.Repeat("é", 30)+"…")
	f("a"+strings.Repeat("é", 40), "a"+strings.Repeat("é", 29)+"…")
}

// TestCutSplitsNoRune cuts valid UTF-8 at every place within a rune.
func TestCutSplitsNoRune(t *testing.T) {
	for n := range 5 {
		text := strings.Repeat("a", n) + strings.Repeat("日", 40)
		if got := Cut(text); !utf8.ValidString(got) || len(got) > maxQuoted+len("…") {
			t.Errorf("Cut(%q) = %q", text, got)
		}
	}
}

func TestErrorsQuoteTheirInput(t *testing.T) {
	f := func(err error, want string) {
		t.Helper()
		if err.Error() != want {
			t.Errorf("got %s, want %s", err, want)
		}
	}
	f(Error("unknown type %s", []byte("a\n")), `unknown type "a\n"`)
	cause := errors.New("is bad")
	err := Wrap("name %s %w", []byte("a%s"), cause)
	f(err, `name "a%s" is bad`)
	if !errors.Is(err, cause) {
		t.Error("the error does not wrap its cause")
	}
}
