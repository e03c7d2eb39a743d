package decode

import (
	"strings"
	"testing"
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
