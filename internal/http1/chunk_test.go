package http1

import (
	"strings"
	"testing"

	"statsd-http-proxy/internal/exchange"
)

// TestChunksAreDecodedStrictly names the rule that each body breaks.
func TestChunksAreDecodedStrictly(t *testing.T) {
	const maxBody = 100
	f := func(received, data string, want *exchange.HTTPError) {
		t.Helper()
		decoder := NewChunkDecoder(maxBody)
		got, used, herr := decode(&decoder, nil, []byte(received))
		if herr != want || want == nil && (string(got) != data || used != len(received) || !decoder.IsDone()) {
			t.Errorf("%.80q: got %q after %d bytes, %v, want %q, %v", received, got, used, herr, data, want)
		}
		for i := range received { // no prefix is taken for a whole body, nor a good one for a bad one
			decoder := NewChunkDecoder(maxBody)
			if _, _, herr := decode(&decoder, nil, []byte(received[:i])); decoder.IsDone() || herr != nil && herr != want {
				t.Errorf("%.80q: done: %v, %v, want more", received[:i], decoder.IsDone(), herr)
			}
		}
	}
	f("0\r\n\r\n", "", nil)
	f("7\r\nvalue=1\r\n0\r\n\r\n", "value=1", nil)
	f("00000003;a=b\r\nval\r\n4 ;c\r\n", "", badChunk)
	f("00000003;a=b\r\nval\r\n4;c\r\nue=1\r\n0;d\r\nX: y\r\nZ:\r\n\r\n", "value=1", nil)
	f("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", nil)
	f("x\r\n", "", badChunk)
	f("\r\n", "", badChunk)
	f("000000003\r\nval\r\n", "", badChunk)
	f("3\r\nvalue", "", badChunk)
	f("3\nval\r\n", "", badLineEnd)
	f("3;\x00\r\nval\r\n", "", badChunk)
	f("3;"+strings.Repeat("x", maxExtras+maxSizeDigits)+"\r\n", "", extrasTooLong)
	f("0\r\nX : y\r\n\r\n", "", badName)
	f("0\r\nX: \x01\r\n\r\n", "", badValue)
	f("0\r\nhost: h\r\n\r\n", "", badTrailer)
	f("0\r\nX: y\n\r\n", "", badLineEnd)

	decoder := NewChunkDecoder(maxBody)
	if _, _, herr := decode(&decoder, nil, []byte("64\r\n"+strings.Repeat("x", maxBody)+"\r\n1\r\n")); herr == nil || herr.Status != 413 {
		t.Errorf("a body of %d bytes: %v, want 413", maxBody+1, herr)
	}
}
