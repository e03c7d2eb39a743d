package metric_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/metric"
)

// batchLines returns lines of batches, good and bad ones: each byte at each place of a
// line, and each of some heads before each of some tails.
func batchLines() (lines []string) {
	for b := range 256 {
		c := string([]byte{byte(b)})
		for _, place := range []string{
			"k%s:1|c", "%sk:1|c", "%s:1|c", "k,a%s=v:1|c", "k,%s=v:1|c", "k,a=v%s:1|c", "k,a=%s:1|c", "k,a=v%s,b=c:1|c", "k%sa=v:1|c", "k,a=v%sb=c:1|c",
			"k:1%s|c", "k:%s1|c", "k:%s|c", "k:1%sc", "k:1|c%s", "k:1|%sc", "k:1|%s", "k:1:%s|c", "k:1|c%s@0.5", "k:1|c|@0.5%s", "k:1|c|@0.%s", "k:1|c|@%s.5", "k:1|c|%s0.5", "k:x%s|s", "k:-%s|g",
		} {
			lines = append(lines, fmt.Sprintf(place, c))
		}
	}
	heads := []string{
		"", "k", "k.l", ".", "..", ".k", "k/l", "k/", "k//l", "constructor", "cr", "constructor,a=b", "__proto__", "start_time", "go_x", "b.deny", "a.keep",
		"k,", "k,a", "k,a=", "k,=v", "k,a=v", "k,a=v,", "k,a=v,a=w", "k,a=v,b=w", "k,b=v,a=w", "k,b=1,c=2,a=3,b=4", "k,ab=1,a=2", "k,a=1,ab=2", "k,a=b=c",
		"k,h=1,g=2,f=3,e=4,d=5,c=6,b=7,a=8", "k,i=0,h=1,g=2,f=3,e=4,d=5,c=6,b=7,a=8", "k,a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8,i=9",
		"k,__a=v", "k,_a=v", "k,-_a=v", "k,le=5", "k,quantile=1", "k,host=a", "k,gsd_histogram=1_2", "k,env=own", "k,a=v,env=own,z=v", "k,deny=1",
		"k;a=v", "k;a", "k#a=v", "k[a=v]", "k l", " k", "K", "k,A=V", "é", "k,é=ü", "k\xff", "k\x00", "k,a=v\x00",
		strings.Repeat("k", 251), strings.Repeat("k", 255), strings.Repeat("k", 256), "k,a=" + strings.Repeat("v", 1423), "k,a=" + strings.Repeat("v", 1424),
	}
	tails := []string{
		"", ":", "|c", ":1", ":1|", ":1|c", ":0|c", ":00|c", ":01|c", ":+1|c", ":-1|c", ":1.5|c", ":1.|c", ":.5|c", ":1e3|c", ":e|c", ":.|c", ":x|c", ":1x|c", ":|c", ": 1 |c", ":1\u00a0|c", ":1:2|c", ":1:x|c", ":x:1|c", ":1:|c",
		":999999999999999999|c", ":1000000000000000000|c", ":9223372036854775808|c", ":0|g", ":1|g", ":-1|g", ":+1|g", ":0:-5|g", ":1|ms", ":-1|ms", ":1|h", ":1|d", ":1|s", ":x|s", ":|s", ":-x|s",
		":1|x", ":1|C", ":1|cc", ":1|m", ":1|c|", ":1|c|x", ":1|c|#", ":1|c|#a:b", ":1|c|#a", ":1|c|T1", ":1|c|c:in", ":1|c:2|c", ":1|c:2|g", ":1|c:2", ":1|ms:x",
		":1|c|@0.5", ":1|c|@0.50", ":1|c|@.5", ":1|c|@0.", ":1|c|@0", ":1|c|@1", ":1|c|@2", ":1|c|@0.0001", ":1|c|@0.00001", ":1|c|@0.9999", ":1|c|@0.99999", ":1|c|@0.0", ":1|c|@0.1x", ":1|c|@-0.5", ":1|c|@5e-1",
		":1|ms|@0.25", ":1|ms|@0.0007", ":1|h|@0.1", ":1|g|@0.5", ":1|s|@0.5", ":1|c|@0.5|@0.5", ":1|c|@0.5|#a:b", ":1|c|@0.5:2|c|@0.5", ":1|c\r", ":1|c \t", ":1|c|@0.5\r", ":1\r", "\r", ":1|\r", ":1|c\r\r",
	}
	for _, head := range heads {
		for _, tail := range tails {
			lines = append(lines, head+tail)
		}
	}
	return lines
}

// decodeFirst decodes the first line of text, and returns the length of that line with
// its line feed.
func decodeFirst(d *decode.Decoder, m *metric.Metric, text string) (length int, err error) {
	const before = "before:1|c\n" // a batch that begins with a bracket would be JSON
	d.OpenBatch([]byte(before + text))
	d.Skip(len(before))
	bad, err := d.Next(m)
	if err == nil {
		err = bad
	}
	return len(text) - len(d.Lines()), err
}

func keysOf(e *metric.Encoder, w *metric.Written) (keys []string) {
	for i := e.TagKeys(w); ; {
		key, ok := i.Next()
		if !ok {
			return keys
		}
		keys = append(keys, string(key))
	}
}

// TestShortcutsAgreeWithAppend checks that AppendFast writes a line as the decoder and
// Append do, and that ScanBad finds only lines that they reject.
func TestShortcutsAgreeWithAppend(t *testing.T) {
	patterns := func(texts ...string) metric.Patterns {
		p, err := metric.ParsePatterns(texts)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	tag := func(key, value string) metric.Tag { return metric.Tag{Key: []byte(key), Value: []byte(value)} }
	scopes := []*metric.Scope{
		nil, {Kinds: metric.AllKinds, Prefix: []byte("a:b")}, nil, {Kinds: 1 << metric.Count, Prefix: []byte("shop"), Metrics: patterns("k*"), Tags: patterns("a*")},
	}
	lines := batchLines()
	for _, options := range []metric.Options{
		{}, {Histograms: true, Prefix: "pre"}, {Prefix: "__"}, {TagFormat: "none", Tags: []metric.Tag{tag("env", "prod")}}, {Tags: []metric.Tag{tag("env", "prod")}}, {TagFormat: "graphite"}, {TagFormat: "dogstatsd"},
		{Flavor: metric.FlavorTelegraf}, {Flavor: metric.FlavorStatsDExporter, TagFormat: "influxdb"}, {Flavor: metric.FlavorGostatsd, TagFormat: "influxdb"}, {Flavor: metric.FlavorEtsy},
		{Lowercase: true, NameFormat: "graphite"}, {NameFormat: "prometheus"}, {Metrics: patterns("a*", "k*")}, {DenyMetrics: patterns("*deny")}, {AllowTags: patterns("a*", "host")},
	} {
		options.MaxLine = 1432
		e, err := metric.NewEncoder(options)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range lines {
			text := line
			if i%3 == 0 {
				text += "\nnext:1|c"
			}
			for _, scope := range scopes[i%2*2:][:2] {
				checkShortcuts(t, e, scope, text)
			}
		}
	}
}

func checkShortcuts(t *testing.T, e *metric.Encoder, scope *metric.Scope, text string) {
	t.Helper()
	var d decode.Decoder
	var m metric.Metric
	length, err := decodeFirst(&d, &m, text)
	var want metric.Written
	general := metric.Lines{Bytes: []byte("x"), Ends: []int{1}}
	if err == nil {
		want, err = e.Append(&general, &m, scope)
	}
	if n := e.ScanBad([]byte(text)); n != 0 && (err == nil || n != length) {
		t.Fatalf("ScanBad(%q) = %d; the line has %d bytes, and its error is %v", text, n, length, err)
	}
	fast := metric.Lines{Bytes: []byte("x"), Ends: []int{1}}
	var got metric.Written
	n := e.AppendFast(&got, &fast, []byte(text), scope)
	if n == 0 {
		if string(fast.Bytes) != "x" || len(fast.Ends) != 1 {
			t.Fatalf("AppendFast left %q out, but wrote %q", text, fast.Bytes)
		}
		return
	}
	if err != nil || n != length || string(fast.Bytes) != string(general.Bytes) || !slices.Equal(fast.Ends, general.Ends) {
		t.Fatalf("AppendFast took %d of %d bytes of %q and wrote %q, want %q, %v", n, length, text, fast.Bytes, general.Bytes, err)
	}
	if got.Kind != want.Kind || got.Rate != want.Rate || got.Repeats != want.Repeats || string(got.Name) != string(want.Name) ||
		string(got.BareName()) != string(want.BareName()) || string(got.Tags) != string(want.Tags) || !slices.Equal(keysOf(e, &got), keysOf(e, &want)) {
		t.Fatalf("%q: AppendFast returned %+v, want %+v", text, got, want)
	}
}

// TestScanBadFindsFrequentErrors checks which lines ScanBad finds.
func TestScanBadFindsFrequentErrors(t *testing.T) {
	e, err := metric.NewEncoder(metric.Options{MaxLine: 1432})
	if err != nil {
		t.Fatal(err)
	}
	f := func(line string, want bool) {
		t.Helper()
		for _, end := range []string{"", "\n", "\nk:1|c\n", "\r\nk:1|c"} {
			length := 0
			if want {
				length = len(line) + strings.Index(end, "\n") + 1
			}
			if got := e.ScanBad([]byte(line + end)); got != length {
				t.Errorf("ScanBad(%q) = %d, want %d", line+end, got, length)
			}
		}
	}
	for _, line := range []string{
		"k", "k.l", "k:", "k:1", "k:1:2", "k|c", "k=a:1|c", "k#a:1|c", "k@:1|c", // no value or type, reserved characters
		"k,a:1|c", "k,a,b=c:1|c", "k,a=b", "k,a=b|c", "k,a=b=c:1|c", "k,a=b#:1|c", "k,a=b@:1|c", "k,a=b;c=d:1|c", "k,a=b,a=c:1|c", "k,a=b:1", "k,a=b,c=d:x|c", // tags
		"k,__a=b:1|c", "k,le=5:1|c", "k,a=b,quantile=1:1|c", // reserved keys
		"k:x|c", "k:1x|c", "k:|c", "k:|g", "k:_:1|c", "k:1e3f|ms", "k:/|c", "k::|c", "k:A|c", "k:z1|c", // no number
		"k:1|x", "k:1|", "k:1|cc", "k:1|mss", "k:1|h", "k:1|d", "k:1:2|x", "k:1|x|@0.5", "k:1|x:2|x", "k:x|x", // no type
	} {
		f(line, true)
	}
	for _, line := range []string{
		"k:1|c", "k:9|g", "k:0|ms", "k:x|s", "k:|s", "k:1|c|@0.5", "k,a=b:1|c", "k,b=c,a=b:1|c", "k:+1|g", "k:-1.5e3|g", "k:1E3|g", "k: 1|c", "k:1\u00a0|c", "k:1:x|c", "k:1|c:x|c", "k a:1|c", "k;a=b:1|c",
		"", " ", ":1|c", "é:1|c", "/k:1|c", "k,:1|c", "k,=b:1|c", "k,a=:1|c", "k,a\x00=b:1|c", "k,a=é:1|c", "k:1|c ", "k:1|C", "k:1|c1", "k:1|x ", "constructor:1|c",
	} {
		f(line, false)
	}
}
