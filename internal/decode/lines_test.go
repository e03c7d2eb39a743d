package decode

import (
	"io"
	"strings"
	"testing"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

func TestLinesAreDecoded(t *testing.T) {
	var d Decoder
	f := func(body string, want ...string) { t.Helper(); acceptsBatch(t, &d, body, want...) }
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
	f("a:1|c:2|c:3|c", "count a value=$1 +2 +3 line")
	f("a,k=v:1|ms|@0.5:2|ms|@0.5|#b:c", "timing a value=$1 sampleRate=$0.5 [k=v][b=c] +2 line")
	f("u:x|s:y|s", "set u value=$x +y line")
	f("a:1|g|@0.5:2|g", "gauge a value=$1 +2 line")
	f("a:1:2|c:3|c", "count a value=$1 +2 +3 line")
	f("a:1|c:2", `! the line "a:1|c:2" has a value without a type`)
	f("a:1|c:2|ms", `! the line "a:1|c:2|ms" has values of two types`)
	for _, line := range []string{"a:1|c|@0.5:2|c", "a:1|c:2|c|@0.5", "a:1|c|@0.5:2|c|@0.1", "a:1|c|@0.5:2|c:3|c|@0.5"} {
		f(line, "! the values of the line have different sample rates")
	}
	f("a:1|x\nb:1|c", `! unknown metric type "x"`, "count b value=$1 line")
	f("a:1|c|#urgent,env:prod,x:", "count a value=$1 [urgent][env=prod][x=] line")
	f("a:1|c|#urgent,,b", `! parameter "tags": "" is not a key:value pair`)
	f("a:1|c|#", "count a value=$1 line")
	f(" \t a:1|c \u00a0\r\n  b:1|c", "count a value=$1 line", "count b value=$1 line")
	f("a:1|g|@0.5", "gauge a value=$1 line")
	f("a:x|s|@0.5|#a:b", "set a value=$x [a=b] line")
	f("a:1|c|c:in-1|T1656581400|#a:b|e:it-false|card:low", "count a value=$1 [a=b] |c:in-1 |T1656581400 |e:it-false |card:low line")
	for _, section := range []string{"c", "c:", "T", "T1x", "Tx", "e:", "card:", "card", "x:1", "d:1"} {
		f("a:1|c|"+section, `! the line has the unknown section "`+section+`"`)
	}
	f("a,env:1|c", `! parameter "tags": "env" is not a key=value pair`)
	f("a;b=c,d=e:1|c", "count a value=$1 [b=c,d=e] line")
	f("a"+strings.Repeat(":1", 1000)+"|c", "count a value=$1"+strings.Repeat(" +1", 999)+" line")
	f("a"+strings.Repeat(":1", 1001)+"|c", "! the line has more than 1000 values")
	f("a"+strings.Repeat(":1|c", 1000), "count a value=$1"+strings.Repeat(" +1", 999)+" line")
	f("a"+strings.Repeat(":1|c", 1001), "! the line has more than 1000 values")
	f("a"+strings.Repeat(",k=v", 400)+":1|c", "count a value=$1 "+strings.Repeat("[k=v]", 400)+" line")
	f("a"+strings.Repeat(",k=v", 401)+":1|c", `! parameter "tags": there are more than 400`)
	f("a:1|c|#"+strings.Repeat(",k", 401)[1:], `! parameter "tags": there are more than 400`)
	for b := range rune(128) {
		switch section := "T" + string(b); {
		case strings.ContainsRune("\n\r:|", b):
		case '0' <= b && b <= '9':
			f("a:1|c|"+section+"|#b", "count a value=$1 [b] |"+section+" line")
		default:
			f("a:1|c|"+section+"|#b", "! the line has the unknown section "+quote.Bytes([]byte(section)))
		}
	}
	f("a,b=c", `! the line "a,b=c" has no value`)
	f("a;b", `! the line "a;b" has no value`)
	f("a,:1|c", "count a value=$1 line")
	f("a,,:1|c", `! parameter "tags": "" is not a key=value pair`)
	f("a|c:1", `! the line "a|c:1" has no type`)
	f("a:1|c\r\r\n", `! unknown metric type "c\r"`)
	f("a:1|c\nb:1|c", "count a value=$1 line", "count b value=$1 line")
	f("\ufeff\na:1|c", "count a value=$1 line")
	f("\xef\xbba:1|c", "count \xef\xbba value=$1 line")
	f("a", `! the line "a" has no value`)
	f("a:1", `! the line "a:1" has no type`)
}

func TestLinesSetNegativeGauges(t *testing.T) {
	var d Decoder
	f := func(body string, want ...string) { t.Helper(); acceptsBatch(t, &d, body, want...) }
	f("n:0|g\nn:-5|g", "gauge n value=$0 line", "gauge n value=$-5 absolute line")
	f("n:0|g\r\n n:-5|g\r\nn:-5|g", "gauge n value=$0 line", "gauge n value=$-5 absolute line", "gauge n value=$-5 line")
	f("n,a=b:0|g|#c:d\nn,a=b:-5.5|g|#c:d\nx:1|c", "gauge n value=$0 [a=b][c=d] line", "gauge n value=$-5.5 [a=b][c=d] absolute line", "count x value=$1 line")
	f("n:0|g:-5|g", "gauge n value=$-5 absolute line")
	f("n:0:-5|g", "gauge n value=$-5 absolute line")

	// The tags are in another order.
	f("n:0|g|#x:1,y:2\nn:-5|g|#y:2,x:1", "gauge n value=$0 [x=1][y=2] line", "gauge n value=$-5 [x=1][y=2] absolute line")
	f("n,y=2,x=1:0|g\nn,x=1,y=2:-5|g", "gauge n value=$0 [y=2][x=1] line", "gauge n value=$-5 [x=1][y=2] absolute line")
	f("n;y=2;x=1:0|g|T1\nn;x=1;y=2:-5.5|g|T1", "gauge n value=$0 [y=2][x=1] |T1 line", "gauge n value=$-5.5 [x=1][y=2] |T1 absolute line")
	f("n,a=1:0|g|#x:1,y\nn,a=1:-5|g|#y,x:1\nn,a=1:-5|g|#y,x:1", "gauge n value=$0 [a=1][x=1][y] line",
		"gauge n value=$-5 [a=1][x=1][y] absolute line", "gauge n value=$-5 [a=1][y][x=1] line")
	f("n:0|g|#x:1,y:2\nn:-5|g|#y:1,x:2", "gauge n value=$0 [x=1][y=2] line", "gauge n value=$-5 [x=2][y=1] line")
	f("n:0|g|#x:1,y:2\nm:-5|g|#y:2,x:1", "gauge n value=$0 [x=1][y=2] line", "gauge m value=$-5 [y=2][x=1] line")
	f("n:0|g|#x:1,y:2|T1\nn:-5|g|#y:2,x:1|T2", "gauge n value=$0 [x=1][y=2] |T1 line", "gauge n value=$-5 [y=2][x=1] |T2 line")
	f("n:0|g|#x:1,y:2\n\nn:-5|g|#y:2,x:1", "gauge n value=$0 [x=1][y=2] line", "gauge n value=$-5 [y=2][x=1] line")
	f("n:0|g|#x,y:true\nn:-5|g|#y,x:true", "gauge n value=$0 [x][y=true] line", "gauge n value=$-5 [x=true][y] line")
	f("n:0|g:1|g|#x:1,y:2\nn:-5|g|@.5|#y:2,x:1", "gauge n value=$0 [x=1][y=2] +1 line", "gauge n value=$-5 [y=2][x=1] line")
	f("n:0|c|#x:1,y:2\nn:-5|g|#y:2,x:1", "count n value=$0 [x=1][y=2] line", "gauge n value=$-5 [y=2][x=1] line")
	f("n:1|g|c:0|#x:1,y:2\nn:-5|g|c:0|#y:2,x:1", "gauge n value=$1 [x=1][y=2] |c:0 line", "gauge n value=$-5 [y=2][x=1] |c:0 line")
	f("n:0|g|#x:1,y:2|\nn:-5|g|#y:2, x:1", `! the line has the unknown section ""`, "gauge n value=$-5 [y=2][x=1] line")

	f("n:0|g", "gauge n value=$0 line")
	f("n:0|g\n\nn:-5|g", "gauge n value=$0 line", "gauge n value=$-5 line")
	f("n:0|g\nm:-5|g", "gauge n value=$0 line", "gauge m value=$-5 line")
	f("n:0|g\nn:+5|g", "gauge n value=$0 line", "gauge n value=$+5 line")
	f("n:1|g\nn:-5|g", "gauge n value=$1 line", "gauge n value=$-5 line")
	f("n:0|g\nn,a=b:-5|g", "gauge n value=$0 line", "gauge n value=$-5 [a=b] line")
	f("n:0|g\nn:-5|g|#a:b", "gauge n value=$0 line", "gauge n value=$-5 [a=b] line")
	f("n:0|g\nn:-5:6|g", "gauge n value=$0 line", "gauge n value=$-5 +6 line")
	f("n:0|c\nn:-5|c", "count n value=$0 line", "count n value=$-5 line")
	f("n:0|g\nx\nn:-5|g", "gauge n value=$0 line", `! the line "x" has no value`, "gauge n value=$-5 line")
	f("n:0.0|g\nn:-5|g", "gauge n value=$0.0 line", "gauge n value=$-5 line")
	f("n:0:1:-5|g", "gauge n value=$0 +1 +-5 line")
}

// TestSkipRemovesLines has the caller process some lines itself.
func TestSkipRemovesLines(t *testing.T) {
	var d Decoder
	var m metric.Metric
	const first, second, third = "n:0|g\n", "n:-5|g\n", "n:-6|g\n"
	d.OpenBatch([]byte(first + second + third))
	if string(d.Lines()) != first+second+third {
		t.Errorf("the lines are %q", d.Lines())
	}
	d.Skip(len(first))
	if bad, err := d.Next(&m); bad != nil || err != nil || showEntry(&m) != "gauge n value=$-5 line" { // the line before is not known
		t.Errorf("got %q, %v, %v", showEntry(&m), bad, err)
	}
	if string(d.Lines()) != third {
		t.Errorf("%q is left", d.Lines())
	}
	d.OpenBatch([]byte(first + "x:1|c\n" + second))
	if _, err := d.Next(&m); err != nil {
		t.Error(err)
	}
	d.Skip(len("x:1|c\n"))
	if bad, err := d.Next(&m); bad != nil || err != nil || showEntry(&m) != "gauge n value=$-5 line" {
		t.Errorf("got %q, %v, %v", showEntry(&m), bad, err)
	}
	if _, err := d.Next(&m); err != io.EOF || len(d.Lines()) > 0 {
		t.Errorf("got %v with %q left, want the end", err, d.Lines())
	}
	for _, body := range []string{"[]", "{}"} {
		if d.OpenBatch([]byte(body)); d.Lines() != nil {
			t.Errorf("%s has the lines %q", body, d.Lines())
		}
	}
}

func TestTagsOfOptions(t *testing.T) {
	for text, want := range map[string]string{"": "", "a=b": "[a=b]", " a = b , c=d=e,f=": "[a=b][c=d=e][f=]"} {
		if tags, err := Tags([]byte(text)); err != nil || show(&metric.Metric{Tags: tags}) != want {
			t.Errorf("Tags(%q) = %q, %v, want %s", text, show(&metric.Metric{Tags: tags}), err, want)
		}
	}
	for _, text := range []string{"a", "a:b", "a=b,", ",", "a=b;c=d,e"} {
		if tags, err := Tags([]byte(text)); err == nil || !strings.Contains(err.Error(), "is not a key=value pair") {
			t.Errorf("Tags(%q) = %q, %v", text, tags, err)
		}
	}
}
