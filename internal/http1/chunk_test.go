package http1

import (
	"fmt"
	"strconv"
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
	f("1\r\nx\r\n00\r\n\r\n", "x", nil)
	f("x\r\n", "", badChunk)
	f("x", "", badChunk) // whatever follows
	f(";a\r\n", "", badChunk)
	f("3 \r\n", "", badChunk)
	f("3x\r\n", "", badChunk)
	f("80000000\r\n", "", badChunk) // more than 31 bits
	f("3\r\nval\rx", "", badChunk)
	f("3\r\nvalx\n", "", badChunk)
	f("3\r\nval0\r\n", "", badChunk)
	f("\r\n", "", badChunk)
	f("000000003\r\nval\r\n", "", badChunk)
	f("3\r\nvalue", "", badChunk)
	f("3\nval\r\n", "", badLineEnd)
	f("3;\x00\r\nval\r\n", "", badChunk)
	f("3;"+strings.Repeat("x", maxExtras+maxSizeDigits)+"\r\n", "", extrasTooLong)
	f("0\r\nX : y\r\n\r\n", "", badName)
	f("0\r\nX: \x01\r\n\r\n", "", badValue)
	f("0\r\nX\r\n\r\n", "", badName)
	f("0\r\n: y\r\n\r\n", "", badName)
	f("0\r\nX: y\x7f\r\n\r\n", "", badValue)
	f("0\r\n\n", "", badLineEnd)
	for _, name := range []string{"host", "Content-Length", "transfer-encoding", "EXPECT", "Content-Encoding", "content-type"} {
		f("0\r\nX: y\r\n"+name+": h\r\n\r\n", "", badTrailer)
	}
	f("0\r\nX: y\n\r\n", "", badLineEnd)
}

func TestChunksHaveHexadecimalSizes(t *testing.T) {
	for b := range 256 {
		c := string([]byte{byte(b)})
		size, err := strconv.ParseUint(c, 16, 8)
		for _, digits := range []string{c, "0" + c, "0000000" + c} {
			decoder := NewChunkDecoder(100)
			data, _, herr := decode(&decoder, nil, []byte(digits+"\r\n"+strings.Repeat("x", int(size))+"\r\n"))
			isExtension := b == ';' && len(digits) > 1 // an extension
			if (err != nil && !isExtension) != (herr != nil) || herr == nil && len(data) != int(size) {
				t.Errorf("the size %q: %d bytes of data, %v", digits, len(data), herr)
			}
		}
	}
}

func TestNothingIsDecodedAfterTheEnd(t *testing.T) {
	decoder := NewChunkDecoder(100)
	const body = "0\r\n\r\n"
	if _, used, herr := decode(&decoder, nil, []byte(body)); used != len(body) || herr != nil {
		t.Fatalf("got %d, %v", used, herr)
	}
	if used, data, herr := decoder.Next([]byte("1\r\nx\r\n")); used != 0 || data != nil || herr != nil || !decoder.IsDone() {
		t.Errorf("got %d, %q, %v, want nothing", used, data, herr)
	}
}

func TestSizesOfChunksAreParsed(t *testing.T) {
	f := func(line string, want int, wantExtension string) {
		t.Helper()
		if size, extension := parseChunkSize([]byte(line)); size != want || string(extension) != wantExtension {
			t.Errorf("%q: got %d, %q, want %d, %q", line, size, extension, want, wantExtension)
		}
	}
	f("0", 0, "")
	f("1f;name=value", 31, ";name=value")
	f("000000Ff;", 255, ";")
	f("7fffffff", 1<<31-1, "")
	for _, line := range []string{"", "x", ";a", "1 ;a", "1x", "80000000", "000000001"} {
		f(line, -1, "")
	}
}

// TestBodiesOfChunksAreLimited checks the limit of the data in one and several chunks.
func TestBodiesOfChunksAreLimited(t *testing.T) {
	f := func(maxBody int, want bool, sizes ...int) {
		t.Helper()
		var body strings.Builder
		for _, size := range sizes {
			fmt.Fprintf(&body, "%x\r\n%s\r\n", size, strings.Repeat("x", size))
		}
		decoder := NewChunkDecoder(maxBody)
		data, _, herr := decode(&decoder, nil, []byte(body.String()+"0\r\n\r\n"))
		if isTooLarge := herr != nil && herr.Status == 413; herr != nil && !isTooLarge || isTooLarge == want || want && (!decoder.IsDone() || len(data) > maxBody) {
			t.Errorf("chunks of %d bytes and a limit of %d: %d bytes of data, %v", sizes, maxBody, len(data), herr)
		}
	}
	f(100, true, 100)
	f(100, false, 101)
	f(100, true, 1, 99)
	f(100, false, 1, 99, 1)
	f(100, false, 99, 2)
	f(0, true)
	f(0, false, 1)

	decoder := NewChunkDecoder(100)
	if _, _, herr := decode(&decoder, nil, []byte("7fffffff\r\n")); herr == nil || herr.Status != 413 {
		t.Errorf("the largest chunk: %v, want 413", herr)
	}
	decoder = NewChunkDecoder(1<<31 - 1)
	if n, data, herr := decoder.Next([]byte("7fffffff\r\n")); n != 10 || len(data) > 0 || herr != nil {
		t.Errorf("the largest chunk is rejected: %v", herr)
	}
	if n, data, herr := decoder.Next([]byte("7fff")); n != 4 || string(data) != "7fff" || herr != nil {
		t.Errorf("data became %q", data)
	}
}

// TestExtensionsAndTrailersAreLimited checks the limit for one line and for all lines
// together. A line may have the digits of a size in addition.
func TestExtensionsAndTrailersAreLimited(t *testing.T) {
	f := func(want bool, body string) {
		t.Helper()
		for _, piece := range []int{len(body), 100, 7} {
			decoder := NewChunkDecoder(10)
			var herr *exchange.HTTPError
			for used, end := 0, 0; end < len(body) && herr == nil; {
				end = min(end+piece, len(body))
				var n int
				_, n, herr = decode(&decoder, nil, []byte(body[used:end]))
				used += n
			}
			if herr != nil && herr != extrasTooLong || (herr == nil) != want || want && !decoder.IsDone() {
				t.Errorf("a body of %d bytes in pieces of %d: %v", len(body), piece, herr)
			}
		}
	}
	extension := func(size int) string { return ";" + strings.Repeat("x", size-1) }
	trailer := func(size int) string { return "X:" + strings.Repeat("y", size-2) + "\r\n" }
	const digits = "00000001"
	f(true, digits+extension(8<<10)+"\r\na\r\n0\r\n\r\n")
	f(false, digits+extension(8<<10+1)+"\r\na\r\n0\r\n\r\n")
	f(true, digits+extension(8<<10-100)+"\r\na\r\n"+digits+extension(100)+"\r\na\r\n0\r\n\r\n")
	f(false, digits+extension(8<<10-100)+"\r\na\r\n"+digits+extension(101)+"\r\na\r\n0\r\n\r\n")
	f(true, "0\r\n"+trailer(8<<10+8)+"\r\n")
	f(false, "0\r\n"+trailer(8<<10+8+1)+"\r\n")
	f(true, "0\r\n"+trailer(8<<10-100)+trailer(100+8)+"\r\n")
	f(false, "0\r\n"+trailer(8<<10-100)+trailer(100+8+1)+"\r\n")
	f(false, "0\r\n"+strings.Repeat(trailer(100), 100)+"\r\n")
}
