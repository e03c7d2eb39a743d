package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"statsd-http-proxy/internal/metric"
)

// changes calls f with text and all texts that differ from it in one place: with a byte
// put in, replaced or left out.
func changes(text string, f func(changed string)) {
	const bytes = "\x00\n\r\x1f !\"#,-.+09:;aEFenu[\\]{}\x7f\x80\xff"
	f(text)
	for i := range len(text) + 1 {
		for _, c := range []byte(bytes) {
			f(text[:i] + string([]byte{c}) + text[i:])
			if i < len(text) {
				f(text[:i] + string([]byte{c}) + text[i+1:])
			}
		}
		if i < len(text) {
			f(text[:i] + text[i+1:])
			f(text[:i])
		}
	}
}

// object returns the contents of a JSON object as encoding/json reads it, without its null
// members, and whether it is well-formed.
func object(text string) (members map[string]any, isValid bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) || decoder.Decode(&members) != nil {
		return nil, false
	}
	for name, value := range members {
		if value == nil {
			delete(members, name)
		}
	}
	return members, true
}

// checkMembers compares a decoded metric with what encoding/json has read.
func checkMembers(t *testing.T, text string, m *metric.Metric, members map[string]any) {
	t.Helper()
	got := map[string]any{}
	add := func(name string, value metric.Value) {
		switch value.Form {
		case metric.Number:
			got[name] = json.Number(value.Text)
		case metric.String:
			got[name] = string(value.Text)
		}
	}
	add("value", m.Value)
	add("time", m.Time)
	add("shift", m.Shift)
	add("sampleRate", m.SampleRate)
	tags := map[string]string{}
	for _, tag := range m.Tags {
		tags[string(tag.Key)] = string(tag.Value)
	}
	want := map[string]string{}
	for name, value := range members {
		switch name {
		case "metric", "name":
			got[name] = string(m.Name)
		case "metric_type", "type":
			got[name] = m.Kind.String()
		case "tags":
			got[name] = value
			switch value := value.(type) {
			case string:
				for pair := range strings.SplitSeq(value, ",") {
					if key, text, ok := strings.Cut(pair, "="); ok {
						want[string(metric.TrimBlanks([]byte(key)))] = string(metric.TrimBlanks([]byte(text)))
					}
				}
			case map[string]any:
				for key, value := range value {
					want[key] = fmt.Sprint(value)
					if value == nil {
						want[key] = ""
					}
				}
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(members) || fmt.Sprint(tags) != fmt.Sprint(want) {
		t.Fatalf("%q is read as %v with the tags %v, want %v, %v", text, got, tags, members, want)
	}
}

// TestChangedJSONIsReadAsInEncodingJSON changes objects in one place. The decoder must find
// the malformed ones, read the same from the others, and accept those that say the same as
// before.
func TestChangedJSONIsReadAsInEncodingJSON(t *testing.T) {
	for _, entry := range []string{
		`{"metric":"some.key","metric_type":"count","value":1,"tags":"env=prod","sampleRate":"0.5"}`,
		`{"metric":"k", "metric_type":"timing", "value":-12.5E+3,"tags":"a=b"}`,
		`{ "name" : "k\u00e9\n" , "type":"gauge","shift":0.25e-1 ,"tags": {"a":"b\ud83d\ude00" , "n":10,"t":true,"f":false,"z":null},"time" :null}`,
		`{"value":1,"type":"set","tags":{},"name":"é"}`,
		`{"metric":"12345678","metric_type":"count","value":12345678,"tags":"a=b","sampleRate":0.5}`,
		`{"metric":"k","type":"timing","value":1}`,
		`{"value": "+12","name":"k", "type": "gauge","tags":{"a": "b", "c":"d"}}`,
	} {
		original, _ := object(entry)
		originalText := fmt.Sprint(original)
		var d Decoder
		var m metric.Metric
		changes(entry, func(text string) {
			members, isValid := object(text)
			m.Reset()
			err := d.Decode(&m, &Input{Body: []byte(text), Params: EntryParams})
			switch isJSON := isJSON([]byte(text)); {
			case !isJSON: // it is a form
				return
			case err == nil && !isValid:
				t.Fatalf("%q is accepted", text)
			case err == nil:
				checkMembers(t, text, &m, members)
			case isValid && strings.Contains(err.Error(), "malformed"), isValid && fmt.Sprint(members) == originalText && !strings.Contains(err.Error(), "twice") && !strings.Contains(err.Error(), "unknown parameter"):
				t.Fatalf("%q: %v", text, err)
			}
			for _, batch := range []string{text, "[" + text + "]", "[0," + text + "," + entry + "]"} {
				checkBatch(t, &d, batch, original, members, isValid, err)
			}
		})
	}
}

// checkBatch decodes a batch whose entries are numbers, the original entry, and the changed
// one, which alone gives members or err.
func checkBatch(t *testing.T, d *Decoder, batch string, original, members map[string]any, isValid bool, entryErr error) {
	t.Helper()
	var m metric.Metric
	accepted := 0
	var bad, err error
	d.OpenBatch([]byte(batch))
	if d.format == formatLines {
		return
	}
	for n := 0; ; n++ {
		if bad, err = d.Next(&m); err != nil {
			break
		}
		isChanged := n == strings.Count(batch[:2], "[0")
		switch {
		case bad != nil && isChanged && entryErr == nil:
			t.Fatalf("%q: entry %d: %v", batch, n, bad)
		case bad == nil:
			accepted++
			want := original
			if isChanged {
				want = members
			}
			if isValid {
				checkMembers(t, batch, &m, want)
			}
		}
	}
	isEnd := err.Error() == "EOF"
	if isWellFormed := utf8.ValidString(batch) && json.Valid([]byte(batch)); isEnd != isWellFormed {
		t.Fatalf("%q: %d entries, then %v", batch, accepted, err)
	}
}

// TestSkippedValuesAreRead changes values that no metric has, which the decoder skips.
func TestSkippedValuesAreRead(t *testing.T) {
	var d Decoder
	for _, value := range []string{`[1,-0.5E+3,{"a":[true,null,"x\u00e9\""],"b":{}},[] ]`, `{"foo":{"b":-0.1e-5,"c":"\ud83d\ude00"},"d":false}`} {
		changes(value, func(text string) {
			batch := "[" + text + `,{"metric":"k","type":"count"}]`
			entries, err := readBatch(&d, batch)
			if isValid := utf8.ValidString(batch) && json.Valid([]byte(batch)); isValid != (err == nil) || isValid && !slices.Contains(entries, "count k ") {
				t.Fatalf("%q decodes to %q, %v", batch, entries, err)
			}
		})
	}
	f := func(depth int, want bool) {
		t.Helper()
		for _, brackets := range []string{"[]", "{}"} {
			open := brackets[:1]
			if open == "{" {
				open = `{"a":`
			}
			value := strings.Repeat(open, depth-1) + brackets + strings.Repeat(brackets[1:], depth-1)
			if entries, err := readBatch(&d, "["+value+"]"); (err == nil) != want || err != nil && !strings.Contains(err.Error(), "nested deeper than 100") {
				t.Errorf("%d values in each other: %q, %v", depth, entries, err)
			}
		}
	}
	f(100, true)
	f(101, false)
}

// TestFailedFastPathLeavesNothing decodes entries that the fast path gives up after it has
// read some of their parameters.
func TestFailedFastPathLeavesNothing(t *testing.T) {
	var d Decoder
	acceptsBatch(t, &d, `[{"tags":"a=b","value":1,"metric":"\u006b","metric_type":"count"}]`, "count k value=#1 [a=b]")
	acceptsBatch(t, &d, `[{"metric":"k","type":"set","value":"x","sampleRate":1,"time":null}]`, "set k value=$x sampleRate=#1")
	acceptsBatch(t, &d, `[{"metric":"k","type":"count","tags":"a=b","time":2 },{"metric":"l","type":"gauge"}]`, "count k time=#2 [a=b]", "gauge l ")
	acceptsBatch(t, &d, `[{"metric":"k","type":"count","tags":"a=b","value":"1","value":2}]`, `! parameter "value" is given twice`)
}

// TestPercentEscapesAreDecoded tries all pairs of bytes after a percent sign.
func TestPercentEscapesAreDecoded(t *testing.T) {
	f := func(text string) {
		want, wantErr := url.PathUnescape(text)
		got, err := AppendUnescaped([]byte("before "), []byte(text))
		if (err == nil) != (wantErr == nil) || err == nil && string(got) != "before "+want || !bytes.HasPrefix(got, []byte("before ")) {
			t.Fatalf("%q becomes %q, %v, want %q, %v", text, got, err, want, wantErr)
		}
	}
	for high := range 256 {
		for low := range 256 {
			f("a%" + string([]byte{byte(high), byte(low)}) + "b%2F")
		}
	}
	for _, text := range []string{"", "%", "%4", "a%", "a%4", "%41", "%%41", "%41%", "%2541"} {
		f(text)
	}
}

// TestDecoderKeepsLittleMemory decodes large and many small requests with one Decoder.
func TestDecoderKeepsLittleMemory(t *testing.T) {
	var d Decoder
	var m metric.Metric
	f := func(uses int, decode func() error) {
		t.Helper()
		for range uses {
			m.Reset()
			if err := decode(); err != nil {
				t.Fatal(err)
			}
		}
	}
	large := []byte(`{"value":"\u0061` + strings.Repeat("a", 128<<10) + `"}`)
	small := []byte(`{"value":"\u0061` + strings.Repeat("a", 1000) + `"}`)
	f(1, func() error { return d.Decode(&m, &Input{Body: large}) })
	f(1000, func() error { return d.Decode(&m, &Input{Body: small}) })
	if n := cap(d.scratch); n > 64<<10 {
		t.Errorf("after a large request, a decoder keeps %d bytes", n)
	}
	f(1000, func() error { return d.BatchQuery([]byte("%74oken=a&token=" + strings.Repeat("%61", 100))) })
	f(1000, func() error { return d.BatchQuery([]byte(strings.Repeat("%74oken=a&", 100))) })
	if n := cap(d.scratch); n > 64<<10 {
		t.Errorf("after many queries, a decoder keeps %d bytes", n)
	}
}

// TestDecodingLeavesTheBody checks that a decoder does not write into its input, and that
// its results do not overlap.
func TestDecodingLeavesTheBody(t *testing.T) {
	var d Decoder
	var m metric.Metric
	body := []byte(`{"value":"\u0061\u0062","tags":{"\u0063":"\u0064","e":"f\n"}}`)
	before := bytes.Clone(body)
	if err := d.Decode(&m, &Input{Body: body, Query: []byte("sampleRate=%31")}); err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{m.Value.Text, m.SampleRate.Text, m.Tags[0].Key, m.Tags[0].Value, m.Tags[1].Key, m.Tags[1].Value} {
		_ = append(text, "overwritten"...)
	}
	if got, want := show(&m), "value=$ab sampleRate=$1 [c=d][e=f\n]"; got != want || !bytes.Equal(body, before) {
		t.Errorf("got %q, want %q; the body is %q", got, want, body)
	}
}
