package decode

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/metric"
)

// showEntry writes an entry of a batch as text.
func showEntry(m *metric.Metric) string {
	text := fmt.Sprintf("%s %s %s", m.Kind, m.Name, show(m))
	for _, v := range m.More {
		text += " +" + string(v.Text)
	}
	if m.FromLine {
		text += " line"
	}
	return text
}

// readBatch decodes a batch; the error of a bad entry stands in its place.
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

func TestBatchIsDecoded(t *testing.T) {
	var d Decoder
	f := func(body string, want ...string) {
		t.Helper()
		for range 2 {
			if got, err := readBatch(&d, body); err != nil || !slices.Equal(got, want) {
				t.Errorf("the batch %q is read as %q, %v, want %q", body, got, err, want)
			}
		}
	}
	f("")
	f("\n \r\n\t\n")
	f("[]")
	f(" [ ] ")
	f(`[{"metric":"a","metric_type":"count","value":1,"tags":"env=prod","sampleRate":1}]`, "count a value=#1 sampleRate=#1 [env=prod]")
	f(` [ {"name":"a","type":"gauge","shift":"-1"} , {"type":"set","name":"\u00e9","value":"x"} ] `, "gauge a shift=$-1", "set é value=$x")
	f(`[{"metric":"a","metric_type":"timing","time":1},{"metric":"b","metric_type":"histogram","value":null,"tags":{"a":"b"}}]`,
		"timing a time=#1", "histogram b [a=b]")
	f(`[{"metric":"a","metric_type":"count","foo":[{"}":"]"}],"value":1},1,[2],null,"x",{"metric":"b","metric_type":"count"}]`,
		`! unknown parameter "foo"`, "! the entry is not an object", "! the entry is not an object", "! the entry is not an object", "! the entry is not an object", "count b ")
	f(`[{"metric":"a","metric_type":"count","value":1,"value":2}]`, `! parameter "value" is given twice`)
	f(`[{"metric":"a","name":"b","metric_type":"count"}]`, `! parameter "name" is given twice`)
	f(`[{"metric":"a","metric_type":"nonsense"}]`, `! unknown metric type "nonsense"`)
	f(`[{"metric":1,"metric_type":"count"}]`, `! parameter "metric" is not a string`)
	f(`[{"metric":null,"metric_type":"count"}]`, `! parameter "metric" is missing: it is the name`)
	f(`[{"metric":"a"},{}]`, `! parameter "metric_type" is missing`, `! parameter "metric" is missing: it is the name`)
	f(`[{"metric":"a","metric_type":"count","tags":{"a":{}}}]`, `! parameter "tags": the value of "a" is neither text nor a number`)

	f("a:1|c", "count a value=$1 line")
	f("\na:1|c\r\n\r\n  \nb:-2.5|g\n", "count a value=$1 line", "gauge b value=$-2.5 line")
	f("a:1:2:3|ms|@0.5", "timing a value=$1 sampleRate=$0.5 +2 +3 line")
	f("u:alice:bob|s", "set u value=$alice +bob line")
	f("a,env=prod,l=en:1|c", "count a value=$1 [env=prod][l=en] line")
	f("a;env=prod;l=en:1|c", "count a value=$1 [env=prod][l=en] line")
	f("a:1|c|#env:prod,l:en|@0.1", "count a value=$1 sampleRate=$0.1 [env=prod][l=en] line")
	f("a,b=c:1|h|#env:prod", "histogram a value=$1 [b=c][env=prod] line")
	f("a:|c", "count a value=$ line")
	f(":1|c", "count  value=$1 line")
	f("a b:1|d", "distribution a b value=$1 line")
	f("a:1|c|", `! the line has the unknown section ""`)
	f("a:1|c|x", `! the line has the unknown section "x"`)
	f("a:1|c|@1|@1", `! the line has two sample rates`)
	f("a:1|x\nb:1|c", `! unknown metric type "x"`, "count b value=$1 line")
	f("a:1|c|#env", `! parameter "tags": "env" is not a key:value pair`)
	f("a,env:1|c", `! parameter "tags": "env" is not a key=value pair`)
	f("a;b=c,d=e:1|c", "count a value=$1 [b=c,d=e] line")
	f("a"+strings.Repeat(":1", 1001)+"|c", "! the line has more than 1000 values")
	f("a"+strings.Repeat(",k=v", 401)+":1|c", `! parameter "tags": there are more than 400`)
	f("a", `! the line "a" has no value`)
	f("a:1", `! the line "a:1" has no type`)
	f(`{"metric":"a"}`, `! the line "{\"metric\":\"a\"}" has no type`)
}

func TestMalformedBatchIsRefused(t *testing.T) {
	var d Decoder
	f := func(body, want string) {
		t.Helper()
		if got, err := readBatch(&d, body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the batch %.60q is read as %q, %v, want an error with %q", body, got, err, want)
		}
	}
	const good = `{"metric":"a","metric_type":"count"}`
	f("[", "breaks off")
	f("["+good, "breaks off")
	f("["+good+",", "breaks off")
	f("["+good+",]", "malformed JSON at byte 38")
	f("["+good+good+"]", "malformed JSON at byte 37")
	f("[,"+good+"]", "malformed JSON at byte 1")
	f("["+good+"] x", "something follows the array at byte 39")
	f("["+good+`,{"foo":tru}]`, "malformed JSON")
	f(`[{"foo":1,"x":"`, "breaks off")
	f(`[{"metric":"a`, "breaks off")
	f("["+strings.Repeat("[", 1_000_000), "nested deeper than 100")
	f("[{\"metric\":\"\xff\"}]", "not valid UTF-8")
}
