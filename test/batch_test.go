package test

import (
	"bytes"
	"compress/flate"
	byteorder "encoding/binary" // binary is the program
	"encoding/json"
	"fmt"
	"hash"
	"hash/adler32"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"statsd-http-proxy/test/harness"
)

// compress returns text in a content encoding.
func compress(t testing.TB, encoding, text string) string {
	t.Helper()
	return compressTimes(t, encoding, text, 1)
}

// compressTimes returns text, times over, in a content encoding. It is quick:
// it compresses text once and repeats what comes out, which refers to nothing
// outside itself.
func compressTimes(t testing.TB, encoding, text string, times int) string {
	t.Helper()
	var deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.WriteString(w, text); err == nil {
		err = w.Flush() // up to a whole byte
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

	repeat := func(sum hash.Hash32) uint32 {
		for range times {
			_, _ = io.WriteString(sum, text) // it never fails
		}
		return sum.Sum32()
	}
	switch encoding {
	case "gzip": // RFC 1952
		body = append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), body...)
		body = byteorder.LittleEndian.AppendUint32(body, repeat(crc32.NewIEEE()))
		body = byteorder.LittleEndian.AppendUint32(body, uint32(len(text)*times))
	case "deflate": // RFC 1950, as RFC 9110 has it
		body = append([]byte("\x78\x9c"), body...)
		body = byteorder.BigEndian.AppendUint32(body, repeat(adler32.New()))
	default:
		t.Fatalf("unknown encoding %s", encoding)
	}
	return string(body)
}

func TestCompressedBatchOf10000EntriesArrivesInOrder(t *testing.T) {
	const entries = 10_000
	var lines, objects []string
	for i := range entries {
		lines = append(lines, fmt.Sprintf("n%d:%d|c", i, i%10))
		objects = append(objects, fmt.Sprintf(`{"metric":"n%d","metric_type":"count","value":%d}`, i, i%10))
	}
	for _, test := range []struct{ name, batch string }{
		{"lines", strings.Join(lines, "\n")},
		{"array", "[" + strings.Join(objects, ",") + "]"},
	} {
		for _, encoding := range []string{"gzip", "deflate", ""} {
			t.Run(strings.TrimSuffix(test.name+" "+encoding, " "), func(t *testing.T) {
				statsd := startReceiver(t)
				proxy := startProxy(t, "--statsd-port="+statsd.port, "--http-timeout-read=20")
				if encoding == "" {
					proxy.mustTake(t, test.batch, entries)
				} else {
					proxy.mustTake(t, compress(t, encoding, test.batch), entries, "Content-Encoding", encoding)
				}
				proxy.Stop(t)
				got := statsd.all(t)
				if len(got) != entries {
					t.Errorf("lines that StatsD received: got %d, want %d", len(got), entries)
				}
				for i := range min(len(got), entries) {
					if got[i] != lines[i] {
						t.Fatalf("line %d: got %q, want %q", i, got[i], lines[i])
					}
				}
			})
		}
	}
}

// verdicts is the answer to a batch.
type verdicts struct {
	Accepted int
	Rejected []struct {
		Index int
		Error string
	}
}

func TestBatchHasAVerdictOnEachEntry(t *testing.T) {
	many := func(entry string, count int, join string) string {
		return strings.Join(slices.Repeat([]string{entry}, count), join)
	}
	for _, test := range []struct {
		name, batch string
		status      int
		accepted    int
		rejected    map[int]string // what the error of each index names
		want        []string       // lines
	}{
		{
			"lines", "a:1|c\nb:x|c\nc:-5|g\nd:1|unknown\n\r\n\ne\nf:1|c|@2\ng:3|c|@0.5\r\nh,env=:1|c\ni:alice|s", 200,
			4, map[int]string{1: `"x"`, 3: "unknown", 4: `"e"`, 5: "sampleRate", 7: "env"},
			[]string{"a:1|c", "c:-5|g", "g:3|c|@0.5", "i:alice|s"},
		},
		{
			"array", `[
				{"metric": "a", "metric_type": "count", "value": 1},
				{"metric": "b", "metric_type": "count", "value": "x"},
				{"name": "c", "type": "gauge", "value": -5},
				{"metric": "d", "metric_type": "unknown", "value": 1},
				"e",
				{"metric": "f", "value": 1},
				{"metric_type": "count", "value": 1},
				{"metric": "g", "metric_type": "count", "values": 1},
				{"metric": "h", "metric_type": "count", "tags": {"env": ["prod"]}},
				{"metric": "i", "metric_type": "set", "value": "alice"}
			]`, 200,
			3, map[int]string{1: `"x"`, 3: "unknown", 4: "object", 5: "type", 6: "metric", 7: "values", 8: "env"},
			[]string{"a:1|c", "c:0|g", "c:-5|g", "i:alice|s"},
		},
		{
			"half a negative gauge and several values", "a:1:x|ms\nb:1:2|ms", 200,
			1, map[int]string{0: `"x"`},
			[]string{"b:1|ms", "b:2|ms"},
		},
		{
			"all bad", "a:x|c\nb:y|c", 400,
			0, map[int]string{0: `"x"`, 1: `"y"`},
			nil,
		},
		{
			"20 rejections are listed", many("a:x|c", 30, "\n") + "\nb:1|c", 200,
			1, func() map[int]string {
				listed := map[int]string{}
				for i := range 20 {
					listed[i] = `"x"`
				}
				return listed
			}(),
			[]string{"b:1|c"},
		},
		{
			"off by default", "a:1|h\nb:1|d\nc:1|c", 200,
			1, map[int]string{0: "histogram", 1: "distribution"},
			[]string{"c:1|c"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			statsd := startReceiver(t)
			proxy := startProxy(t, "--statsd-port="+statsd.port)
			status, answer := proxy.send(t, "/batch", test.batch)
			var got verdicts
			if err := json.Unmarshal([]byte(answer), &got); err != nil {
				t.Fatalf("the answer %q: %v", answer, err)
			}
			if status != test.status || got.Accepted != test.accepted || len(got.Rejected) != len(test.rejected) {
				t.Errorf("got %d %s, want %d with %d accepted and %d rejected", status, answer, test.status, test.accepted, len(test.rejected))
			}
			for i, rejected := range got.Rejected {
				named, ok := test.rejected[rejected.Index]
				if !ok || !strings.Contains(rejected.Error, named) {
					t.Errorf("entry %d is rejected: got %q, want an error that names %s", rejected.Index, rejected.Error, named)
				}
				if i > 0 && rejected.Index <= got.Rejected[i-1].Index {
					t.Errorf("rejected entries are out of order: got %s", answer)
				}
			}
			proxy.Stop(t)
			if lines := statsd.all(t); !slices.Equal(lines, test.want) {
				t.Errorf("lines that StatsD received\ngot  %q\nwant %q", lines, test.want)
			}
		})
	}
}

func TestBatchThatCannotBeReadSendsNothing(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--http-max-body=1000")
	const good = `{"metric": "a", "metric_type": "count", "value": 1}`
	squeezed := compress(t, "gzip", "a:1|c\nb:2|c")
	for _, test := range []struct {
		name, body, encoding string
		status               int
	}{
		{"no bytes", "", "", 400},
		{"empty lines", "\n\r\n \n", "", 400},
		{"an empty array", "[]", "", 400},
		{"an array that breaks off", "[" + good + ",", "", 400},
		{"an object that breaks off", "[" + good + `, {"metric": "b`, "", 400},
		{"something behind the array", "[" + good + "] x", "", 400},
		{"no comma", "[" + good + good + "]", "", 400},
		{"too large", strings.Repeat("a:1|c\n", 200), "", 413},
		{"too large when it is expanded", compress(t, "gzip", strings.Repeat("a:1|c\n", 200)), "gzip", 413},
		{"no gzip", "a:1|c", "gzip", 400},
		{"no deflate", "a:1|c", "deflate", 400},
		{"gzip that breaks off", squeezed[:len(squeezed)-9], "gzip", 400},
		{"gzip with a wrong checksum", squeezed[:len(squeezed)-8] + "\x00\x00\x00\x00" + squeezed[len(squeezed)-4:], "gzip", 400},
		{"an unknown encoding", "a:1|c", "br", 415},
	} {
		var header []string
		if test.encoding != "" {
			header = []string{"Content-Encoding", test.encoding}
		}
		status, answer := proxy.send(t, "/batch", test.body, header...)
		var parsed struct{ Error string }
		if err := json.Unmarshal([]byte(answer), &parsed); status != test.status || err != nil || parsed.Error == "" {
			t.Errorf("%s: got %d %q, want %d and an error", test.name, status, answer, test.status)
		}
	}
	proxy.Stop(t)
	if got := statsd.all(t); len(got) != 0 {
		t.Errorf("lines that StatsD received: got %q, want none", got)
	}
}

func TestCompressedBodiesWorkOnEveryRoute(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port)
	for _, encoding := range []string{"gzip", "deflate"} {
		proxy.mustSend(t, "/count/path."+encoding, compress(t, encoding, `{"value": 1}`), "Content-Encoding", encoding)
		proxy.mustSend(t, "/gauge/form."+encoding, compress(t, encoding, "value=2&tags=env%3Dprod"), "Content-Encoding", encoding)
		proxy.mustSend(t, "/timing", compress(t, encoding, `{"metric": "body.`+encoding+`", "value": 3}`), "Content-Encoding", encoding)
		proxy.mustTake(t, compress(t, encoding, "line."+encoding+":4|c"), 1, "Content-Encoding", encoding)
	}
	proxy.Stop(t)
	want := []string{
		"path.gzip:1|c", "form.gzip,env=prod:2|g", "body.gzip:3|ms", "line.gzip:4|c",
		"path.deflate:1|c", "form.deflate,env=prod:2|g", "body.deflate:3|ms", "line.deflate:4|c",
	}
	if got := statsd.all(t); !slices.Equal(got, want) {
		t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
	}
}

var peakLine = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// peakMemory returns how much memory the program has taken at most, in bytes.
func (p *proxy) peakMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	harness.Need(t, err == nil, "there is no /proc to read a program's memory from")
	match := peakLine.FindSubmatch(status)
	if match == nil {
		t.Fatalf("no peak of memory in %s", status)
	}
	kB, err := strconv.Atoi(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kB << 10
}

func TestBombCostsNoMemory(t *testing.T) {
	const size, clients, times = 100_000_000, 4, 5
	// A million bytes of a batch that would be fine in itself, and of nothing.
	lines := strings.Repeat("some.key:1|c|@0.1|#a:b\n", 50_000)[:1_000_000]
	zeros := strings.Repeat("\x00", 1_000_000)
	bombs := []struct{ name, encoding, path, body string }{
		{"lines", "gzip", "/batch", compressTimes(t, "gzip", lines, size/len(lines))},
		{"zeros", "gzip", "/batch", compressTimes(t, "gzip", zeros, size/len(zeros))},
		{"zeros", "deflate", "/count/some.key", compressTimes(t, "deflate", zeros, size/len(zeros))},
	}
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--http-timeout-read=20")
	for _, bomb := range bombs {
		if len(bomb.body) >= 1<<20 {
			t.Fatalf("the bomb of %s has %d bytes and would be refused as it is", bomb.name, len(bomb.body))
		}
	}
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for range times {
				for _, bomb := range bombs {
					status, answer, err := post(proxy.client, proxy.url+bomb.path, bomb.body, "Content-Encoding", bomb.encoding)
					if err != nil || status != http.StatusRequestEntityTooLarge {
						t.Errorf("%s as %s to %s: got %d %s %v, want 413", bomb.name, bomb.encoding, bomb.path, status, answer, err)
					}
				}
			}
		})
	}
	running.Wait()
	if peak := proxy.peakMemory(t); peak > 100<<20 {
		t.Errorf("the proxy has taken %d bytes of memory at most, want less than one bomb", peak)
	} else {
		t.Logf("the proxy has taken %d bytes of memory at most", peak)
	}
	proxy.mustTake(t, compress(t, "gzip", "last:1|c"), 1, "Content-Encoding", "gzip")
	proxy.Stop(t)
	if got, want := statsd.all(t), "last:1|c"; len(got) != 1 || got[0] != want {
		t.Errorf("lines that StatsD received: got %d, want only %q", len(got), want)
	}
}
