package process

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash"
	"hash/adler32"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// repeated returns a body that decompresses to text the given number of times. It
// compresses text once and repeats the compressed bytes, which do not refer to other
// bytes, so it is fast.
func repeated(t testing.TB, encoding, text string, times int) string {
	t.Helper()
	var deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.WriteString(w, text); err == nil {
		err = w.Flush() // ends at a whole byte
	}
	size := deflated.Len()
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat(deflated.Bytes()[:size], times)
	body = append(body, deflated.Bytes()[size:]...)

	sum := func(sum hash.Hash32) uint32 {
		for range times {
			_, _ = io.WriteString(sum, text) // it never fails
		}
		return sum.Sum32()
	}
	switch encoding {
	case "gzip": // RFC 1952
		body = append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), body...)
		body = binary.LittleEndian.AppendUint32(body, sum(crc32.NewIEEE()))
		body = binary.LittleEndian.AppendUint32(body, uint32(len(text)*times))
	case "deflate": // zlib's format, RFC 1950; see RFC 9110, section 8.4.1.2
		body = append([]byte("\x78\x9c"), body...)
		body = binary.BigEndian.AppendUint32(body, sum(adler32.New()))
	default:
		t.Fatalf("unknown encoding %s", encoding)
	}
	return string(body)
}

// Each body has less than 1 MiB, the default limit, and 100 MB after decompression.
func TestCompressedBombsTakeLittleMemory(t *testing.T) {
	const size, clients, times = 100_000_000, 4, 5
	// A million bytes of a valid batch, and of zero bytes.
	lines := strings.Repeat("some.key:1|c|@0.1|#a:b\n", 50_000)[:1_000_000]
	zeros := strings.Repeat("\x00", 1_000_000)
	bombs := []struct{ name, encoding, path, body string }{
		{"lines", "gzip", "/batch", repeated(t, "gzip", lines, size/len(lines))},
		{"zeros", "gzip", "/batch", repeated(t, "gzip", zeros, size/len(zeros))},
		{"zeros", "deflate", "/count/some.key", repeated(t, "deflate", zeros, size/len(zeros))},
	}
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartMeasuredProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-read=20")
	for _, bomb := range bombs {
		if len(bomb.body) >= 1<<20 {
			t.Fatalf("the bomb of %s has %d bytes, which is too large without decompression", bomb.name, len(bomb.body))
		}
	}
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for range times {
				for _, bomb := range bombs {
					status, answer, err := testutil.Post(proxy.Client, proxy.URL+bomb.path, bomb.body, "Content-Encoding", bomb.encoding)
					if err != nil || status != http.StatusRequestEntityTooLarge {
						t.Errorf("%s as %s to %s: got %d %s %v, want 413", bomb.name, bomb.encoding, bomb.path, status, answer, err)
					}
				}
			}
		})
	}
	running.Wait()
	if peak := proxy.Memory(t, testutil.PeakMemory); peak > 100<<20 {
		t.Errorf("the proxy has taken %d bytes of memory at most, want less than one decompressed bomb", peak)
	} else {
		t.Logf("the proxy has taken %d bytes of memory at most", peak)
	}
	proxy.MustSendBatch(t, repeated(t, "gzip", "last:1|c", 1), 1, "Content-Encoding", "gzip")
	proxy.Stop(t)
	if got, want := statsd.All(t), "last:1|c"; len(got) != 1 || got[0] != want {
		t.Errorf("lines that StatsD received: got %d, want only %q", len(got), want)
	}
}
