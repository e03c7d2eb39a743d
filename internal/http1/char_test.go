package http1

import (
	"testing"

	"statsd-http-proxy/internal/exchange"
)

func TestLinesEndInCRLF(t *testing.T) {
	f := func(text string, want int, wantErr *exchange.HTTPError) {
		t.Helper()
		if end, herr := lineEnd([]byte(text), badValue); end != want || herr != wantErr {
			t.Errorf("%q: got %d, %v, want %d, %v", text, end, herr, want, wantErr)
		}
	}
	f("", -1, nil)
	f("a", -1, nil)
	f("a\r", -1, nil)
	f("\r", -1, nil)
	f("\r\n", 0, nil)
	f("a\r\n", 1, nil)
	f("a\tb\r\nc\x00", 3, nil)
	f("\n", -1, badLineEnd)
	f("a\nb\r\n", -1, badLineEnd)
	f("a\rb", -1, badValue)
	f("a\r\r\n", -1, badValue)
	f("a\x00", -1, badValue)
	f("a\x7f\n", -1, badValue)
}
