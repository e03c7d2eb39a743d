package decode

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/metric"
)

// showEntry returns the contents of a batch entry as text.
func showEntry(m *metric.Metric) string {
	text := fmt.Sprintf("%s %s %s", m.Kind, m.Name, show(m))
	for _, v := range m.More {
		text += " +" + string(v.Text)
	}
	for _, section := range m.Extensions {
		text += " |" + string(section)
	}
	if m.IsAbsolute {
		text += " absolute"
	}
	if m.FromLine {
		text += " line"
	}
	return text
}

// readBatch decodes a batch. In the result, the error of a bad entry takes its
// place.
func readBatch(d *Decoder, body string) (entries []string, err error) {
	var m metric.Metric
	for d.OpenBatch([]byte(body)); ; {
		bad, err := d.Next(&m)
		switch {
		case err == io.EOF:
			return entries, nil
		case err != nil:
			return entries, err
		case bad != nil:
			entries = append(entries, "! "+bad.Error())
		default:
			entries = append(entries, showEntry(&m))
		}
	}
}

// acceptsBatch checks the entries of a batch. It decodes twice: the second time
// shows whether state is left from the first.
func acceptsBatch(t *testing.T, d *Decoder, body string, want ...string) {
	t.Helper()
	for range 2 {
		if got, err := readBatch(d, body); err != nil || !slices.Equal(got, want) {
			t.Errorf("the batch %q decodes to %q, %v, want %q", body, got, err, want)
		}
	}
}

func TestBatchIsDecoded(t *testing.T) {
	var d Decoder
	f := func(body string, want ...string) { t.Helper(); acceptsBatch(t, &d, body, want...) }
	f("")
	f("\n \r\n\t\n")
	f("[]")
	f(" [ ] ")
	f(`[{"metric":"a","metric_type":"count","value":1,"tags":"env=prod","sampleRate":1}]`, "count a value=#1 sampleRate=#1 [env=prod]")
	f(` [ {"name":"a","type":"gauge","shift":"-1"} , {"type":"set","name":"\u00e9","value":"x"} ] `, "gauge a shift=$-1", "set é value=$x")
	f(`[{"metric":"a","metric_type":"timing","time":1},{"metric":"b","metric_type":"histogram","value":null,"tags":{"a":"b"}}]`,
		"timing a time=#1", "histogram b [a=b]")
	f(`{"metric":"a","metric_type":"count","value":1}`, "count a value=#1")
	f("\ufeff"+` { "name": "\u0061", "type": "count" } `, "count a ")
	f("\ufeff[]")
	f("\ufeffa:1|c", "count a value=$1 line")
	f(`{"metric":"a"}`, `! parameter "metric_type" is missing`)
	f(`{"metric":"a","metric_type":"count","foo":1}`, `! unknown parameter "foo"`)
	f(`[{"metric":"a","metric_type":"count","foo":[{"}":"]"}],"value":1},1,[2],null,"x",{"metric":"b","metric_type":"count"}]`,
		`! unknown parameter "foo"`, "! the entry is not an object", "! the entry is not an object", "! the entry is not an object", "! the entry is not an object", "count b ")
	f(`[{"metric":"a","metric_type":"count","value":1,"value":2}]`, `! parameter "value" is given twice`)
	f(`[{"metric":"a","name":"b","metric_type":"count"}]`, `! parameter "name" is given twice`)
	f(`[{"metric":"a","metric_type":"nonsense"}]`, `! unknown metric type "nonsense"`)
	f(`[{"metric":1,"metric_type":"count"}]`, `! parameter "metric" is not a string`)
	f(`[{"metric":null,"metric_type":"count"}]`, `! parameter "metric" is missing: it is the name`)
	f(`[{"metric":"a"},{}]`, `! parameter "metric_type" is missing`, `! parameter "metric" is missing: it is the name`)
	f(`[{"metric":"a","metric_type":"count","tags":{"a":{}}}]`, `! parameter "tags": the value of "a" is neither text nor a number`)
}

func TestMalformedBatchIsRejected(t *testing.T) {
	var d Decoder
	f := func(body, want string) {
		t.Helper()
		if got, err := readBatch(&d, body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the batch %.60q decodes to %q, %v, want an error with %q", body, got, err, want)
		}
	}
	const good = `{"metric":"a","metric_type":"count"}`
	f("[", "breaks off")
	f("["+good, "breaks off")
	f("["+good+",", "breaks off")
	f("["+good+",]", "malformed JSON at byte 38")
	f("["+good+good+"]", "malformed JSON at byte 37")
	f("[,"+good+"]", "malformed JSON at byte 1")
	f(good+good, "send an array")
	f(good+"\na:1|c", "something follows the object")
	f(`{"metric":"a"`, "breaks off")
	f(`{"foo":tru}`, "malformed JSON")
	f("["+good+"] x", "something follows the array at byte 39")
	f("["+good+`,{"foo":tru}]`, "malformed JSON")
	f(`[{"foo":1,"x":"`, "breaks off")
	f(`[{"metric":"a`, "breaks off")
	f("["+strings.Repeat("[", 1_000_000), "nested deeper than 100")
	f("[{\"metric\":\"\xff\"}]", "not valid UTF-8")
}
