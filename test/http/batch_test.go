package http

import (
	"bytes"
	"compress/gzip"
	"compress/zlib" // binary is the program
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// compress returns text compressed with a content encoding, gzip or deflate.
func compress(t testing.TB, encoding, text string) string {
	t.Helper()
	var body bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&body)
	case "deflate": // zlib's format, see RFC 9110, section 8.4.1.2
		w = zlib.NewWriter(&body)
	default:
		t.Fatalf("unknown encoding %s", encoding)
	}
	_, err := io.WriteString(w, text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return body.String()
}

func TestBatchOf10000EntriesArrivesInOrder(t *testing.T) {
	t.Parallel()
	const entries = 10_000
	var lines, objects []string
	for i := range entries {
		lines = append(lines, fmt.Sprintf("n%d:%d|c", i, i%10))
		objects = append(objects, fmt.Sprintf(`{"metric":"n%d","metric_type":"count","value":%d}`, i, i%10))
	}
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-read=20")
	arrived := 0 // lines of the cases before
	for _, test := range []struct{ name, batch string }{
		{"lines", strings.Join(lines, "\n")},
		{"array", "[" + strings.Join(objects, ",") + "]"},
	} {
		for _, encoding := range []string{"gzip", "deflate", ""} {
			t.Run(strings.TrimSuffix(test.name+" "+encoding, " "), func(t *testing.T) {
				if encoding == "" {
					proxy.MustSendBatch(t, test.batch, entries)
				} else {
					proxy.MustSendBatch(t, compress(t, encoding, test.batch), entries, "Content-Encoding", encoding)
				}
				statsd.WaitForCount(t, arrived+entries)
				got := slices.Clone(statsd.All(t)[arrived:])
				arrived += len(got)
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

// batchResponse is the body of the response to a batch.
type batchResponse struct {
	Accepted int
	Rejected []struct {
		Index int
		Error string
	}
}

func TestEachEntryOfABatchIsAcceptedOrRejectedAlone(t *testing.T) {
	t.Parallel()
	many := func(entry string, count int, join string) string {
		return strings.Join(slices.Repeat([]string{entry}, count), join)
	}
	for _, test := range []struct {
		name, batch string
		status      int
		accepted    int
		rejected    map[int]string // part of the error, by index
		want        []string       // lines
	}{
		{
			"lines", "a:1|c\nb:x|c\nc:-5|g\nd:1|unknown\n\r\n\ne\nf:1|c|@2\ng:3|c|@0.5\r\nh,env=:1|c\ni:alice|s", 200,
			5, map[int]string{1: `"x"`, 3: "unknown", 4: `"e"`, 5: "sampleRate"}, // a tag without a value is left out
			[]string{"a:1|c", "c:-5|g", "g:3|c|@0.5", "h:1|c", "i:alice|s"},
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
			"only bad entries", "a:x|c\nb:y|c", 400,
			0, map[int]string{0: `"x"`, 1: `"y"`},
			nil,
		},
		{
			"no more than 20 rejections are listed", many("a:x|c", 30, "\n") + "\nb:1|c", 200,
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
			"types that are off by default", "a:1|h\nb:1|d\nc:1|c", 200,
			1, map[int]string{0: "histogram", 1: "distribution"},
			[]string{"c:1|c"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
			status, answer := proxy.Send(t, "/batch", test.batch)
			var got batchResponse
			if err := json.Unmarshal([]byte(answer), &got); err != nil {
				t.Fatalf("the answer %q: %v", answer, err)
			}
			if status != test.status || got.Accepted != test.accepted || len(got.Rejected) != len(test.rejected) {
				t.Errorf("got %d %s, want %d with %d accepted and %d rejected", status, answer, test.status, test.accepted, len(test.rejected))
			}
			for i, rejected := range got.Rejected {
				named, ok := test.rejected[rejected.Index]
				if !ok || !strings.Contains(rejected.Error, named) {
					t.Errorf("entry %d is rejected: got %q, want an error that contains %s", rejected.Index, rejected.Error, named)
				}
				if i > 0 && rejected.Index <= got.Rejected[i-1].Index {
					t.Errorf("rejected entries are out of order: got %s", answer)
				}
			}
			proxy.Stop(t)
			if lines := statsd.All(t); !slices.Equal(lines, test.want) {
				t.Errorf("lines that StatsD received\ngot  %q\nwant %q", lines, test.want)
			}
		})
	}
}

func TestMalformedBatchSendsNothing(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--http-max-body=1000")
	const good = `{"metric": "a", "metric_type": "count", "value": 1}`
	zipped := compress(t, "gzip", "a:1|c\nb:2|c")
	for _, test := range []struct {
		name, body, encoding string
		status               int
	}{
		{"no bytes", "", "", 400},
		{"empty lines", "\n\r\n \n", "", 400},
		{"an empty array", "[]", "", 400},
		{"an array without its end", "[" + good + ",", "", 400},
		{"an object without its end", "[" + good + `, {"metric": "b`, "", 400},
		{"text after the array", "[" + good + "] x", "", 400},
		{"an array without a comma", "[" + good + good + "]", "", 400},
		{"too large", strings.Repeat("a:1|c\n", 200), "", 413},
		{"too large after decompression", compress(t, "gzip", strings.Repeat("a:1|c\n", 200)), "gzip", 413},
		{"plain text as gzip", "a:1|c", "gzip", 400},
		{"plain text as deflate", "a:1|c", "deflate", 400},
		{"gzip without its end", zipped[:len(zipped)-9], "gzip", 400},
		{"gzip with a wrong checksum", zipped[:len(zipped)-8] + "\x00\x00\x00\x00" + zipped[len(zipped)-4:], "gzip", 400},
		{"an unknown encoding", "a:1|c", "br", 415},
	} {
		var header []string
		if test.encoding != "" {
			header = []string{"Content-Encoding", test.encoding}
		}
		status, answer := proxy.Send(t, "/batch", test.body, header...)
		var parsed struct{ Error string }
		if err := json.Unmarshal([]byte(answer), &parsed); status != test.status || err != nil || parsed.Error == "" {
			t.Errorf("%s: got %d %q, want %d and an error", test.name, status, answer, test.status)
		}
	}
	proxy.Stop(t)
	if got := statsd.All(t); len(got) != 0 {
		t.Errorf("lines that StatsD received: got %q, want none", got)
	}
}

func TestEveryRouteAcceptsCompressedBodies(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	for _, encoding := range []string{"gzip", "deflate"} {
		proxy.MustSend(t, "/count/path."+encoding, compress(t, encoding, `{"value": 1}`), "Content-Encoding", encoding)
		proxy.MustSend(t, "/gauge/form."+encoding, compress(t, encoding, "value=2&tags=env%3Dprod"), "Content-Encoding", encoding)
		proxy.MustSend(t, "/timing", compress(t, encoding, `{"metric": "body.`+encoding+`", "value": 3}`), "Content-Encoding", encoding)
		proxy.MustSendBatch(t, compress(t, encoding, "line."+encoding+":4|c"), 1, "Content-Encoding", encoding)
	}
	proxy.Stop(t)
	want := []string{
		"path.gzip:1|c", "form.gzip,env=prod:2|g", "body.gzip:3|ms", "line.gzip:4|c",
		"path.deflate:1|c", "form.deflate,env=prod:2|g", "body.deflate:3|ms", "line.deflate:4|c",
	}
	if got := statsd.All(t); !slices.Equal(got, want) {
		t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
	}
}
