package decode

import (
	"strings"
	"testing"
)

func TestJSONIsDecoded(t *testing.T) {
	var d Decoder
	f := func(input, want string) { t.Helper(); accepts(t, decodeBody(&d), input, want) }
	f(`{}`, "")
	f(" \t\r\n{ } \n", "")
	f(`{"value":100500}`, "value=#100500")
	f(`{"value":-1.5e3,"sampleRate":0.5}`, "value=#-1.5e3 sampleRate=#0.5")
	f(`{"value":" +5 ","tags":"env=prod"}`, "value=$ +5  [env=prod]")
	f(`{"time":"1","shift":2}`, "time=$1 shift=#2")
	f(`{"v\u0061lue":"\u00e9\n\"\\","tags":{"\u0061":"\u0062"}}`, "value=$é\n\"\\ [a=b]")
	f(`{"value":"😀\ud83d\ude00"}`, "value=$😀😀")
	f(`{"value":"\ud83c"}`, "value=$\ufffd")
	f(`{"value":"\udf89\ud83c\u0041"}`, "value=$\ufffd\ufffdA")
	f(`{"value":null,"tags":null,"shift":null}`, "")
	f(`{"tags":""}`, "")
	f(`{"tags":" \t"}`, "")
	f(`{"tags":" env = prod ,\tlocale= en us ,a=b=c"}`, "[env=prod][locale=en us][a=b=c]")
	f(`{"tags":{}}`, "")
	f(`{"tags":{"env":"prod","n":1.50,"ok":true,"no":false,"gone":null}}`, "[env=prod][n=1.50][ok=true][no=false][gone=]")
	f(`{"tags":{"env":"prod"},"value":1}`, "value=#1 [env=prod]")
}

func TestBadJSONIsRejected(t *testing.T) {
	var d Decoder
	f := func(input, want string) { t.Helper(); rejects(t, decodeBody(&d), input, want) }
	f(`{"foo":1}`, `unknown parameter "foo"`)
	f(`{"Value":1}`, `unknown parameter "Value"`)
	f(`{"":1}`, `unknown parameter ""`)
	f(`{"`+strings.Repeat("x", 1000)+`":1}`, `unknown parameter "`+strings.Repeat("x", 60)+`"…`)
	f(`{"value":1,"value":2}`, `parameter "value" is given twice`)
	f(`{"foo":null,"value":1}`, `unknown parameter "foo"`)
	f(`{"value":null,"v\u0061lue":2}`, `parameter "value" is given twice`)
	f(`{"foo":null,"value":1}`, `unknown parameter "foo"`)
	f(`{"value":true}`, `parameter "value" is not a number or a string`)
	f(`{"value":{}}`, `parameter "value" is not a number or a string`)
	f(`{"value":[1]}`, `parameter "value" is not a number or a string`)
	f(`{"tags":["a=b"]}`, `parameter "tags" is not a string or an object`)
	f(`{"tags":1}`, `parameter "tags" is not a string or an object`)
	f(`{"tags":{"a":{}}}`, `the value of "a" is neither text nor a number`)
	f(`{"tags":{"a":[]}}`, `the value of "a" is neither text nor a number`)
	f(`{`, "breaks off")
	f(`{"value"`, "breaks off")
	f(`{"value":`, "breaks off")
	f(`{"value":1`, "breaks off")
	f(`{"value":"a`, "breaks off")
	f(`{"tags":{"a":"b"`, "breaks off")
	f(`{"value":1}{`, "something follows the object")
	f(`{"value":1} x`, "something follows the object")
	f(`{"tags":"env"}`, `"env" is not a key=value pair`)
	f(`{"tags":"env=prod,"}`, `"" is not a key=value pair`)
	f(`{"tags":",env=prod"}`, `"" is not a key=value pair`)
	f(`{"tags":"a=1,,b=2"}`, `"" is not a key=value pair`)
	f(`{"metric":"k"}`, `unknown parameter "metric"`)
	f(`{"type":"count"}`, `unknown parameter "type"`)
	f(`{"value":\u0031}`, "malformed JSON at byte 9")
	f(`{"value":"\u12`, "malformed")
	f("{\"value\":1\x00}", "malformed JSON at byte 10")
	f("{\"value\":1}\x00", "something follows the object")
	f(`{"value":1,}`, "malformed JSON at byte")
	f(`{"value":01}`, "malformed JSON at byte")
	f(`{"value":+1}`, "malformed JSON at byte")
	f(`{"value":NaN}`, "malformed JSON at byte")
	f(`{"value":0x10}`, "malformed JSON at byte")
	f(`{value:1}`, "malformed JSON at byte")
	f(`{'value':1}`, "malformed JSON at byte")
	f(`{1:1}`, "malformed JSON at byte")
	f("{\"value\":\"a\nb\"}", "malformed JSON at byte")
	f("{\"value\":\"\xff\"}", "malformed JSON at byte")
	f(`{"value":"\x41"}`, "malformed JSON at byte")
	f(`{"value":1 "tags":""}`, "malformed JSON at byte")
	f(`{"tags":{"a":nul}}`, "malformed JSON at byte")
	f(`{"tags":`+strings.Repeat(`{"a":`, 20_000), "neither text nor a number")
}

func TestIsJSON(t *testing.T) {
	for body, want := range map[string]bool{
		"": false, "{": true, " \r\n\t{}": true, "value={}": false, "[]": false, "\ufeff{}": false, "  ": false, "\u00a0{": false,
	} {
		if got := isJSON([]byte(body)); got != want {
			t.Errorf("isJSON(%q) = %v, want %v", body, got, want)
		}
	}
}
