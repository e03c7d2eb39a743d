package decode

import (
	"encoding/json"
	"testing"
)

// TestEscapesAreDecodedAsInEncodingJSON tries each escape of one character, and escapes
// of four digits that are wrong at each place.
func TestEscapesAreDecodedAsInEncodingJSON(t *testing.T) {
	var d Decoder
	f := func(text string) {
		t.Helper()
		input := `{"value":"` + text + `"}`
		var want struct{ Value string }
		if json.Unmarshal([]byte(input), &want) == nil {
			accepts(t, decodeBody(&d), input, "value=$"+want.Value)
		} else {
			rejects(t, decodeBody(&d), input, "malformed JSON")
		}
	}
	for b := range rune(128) {
		f(`\` + string(b) + "x")
	}
	for _, digits := range []string{
		"0000", "00e9", "00E9", "fFfF", "abcd", "zzzz", "00zz", "000g", "00g0", "0g00", "g000", "00", "",
		"d83d", `d83d\ude00`, `d83d\u0041`, `d83d\uzz00`, `ude00\ud83d`, `d83dx`, `d83d\nx`,
	} {
		f(`\u` + digits)
	}
}

// TestPunctuationIsRequired leaves out or doubles what JSON requires between values.
func TestPunctuationIsRequired(t *testing.T) {
	var d Decoder
	for _, input := range []string{
		`{"value" 1}`, `{"value":}`, `{"value"}`, `{"value"::1}`, `{value:1}`, `{"value":1,}`, `{,"value":1}`, `{"value":1,,"tags":""}`,
		`{"value":1 "tags":""}`, `{"tags":{,"value":1}`, `{"tags":{"a":1,},"value":1}`, `{"tags":{"a" 1},"value":1}`, `{"tags":{"a":},"value":1}`,
		`{"value":01}`, `{"value":1.}`, `{"value":.5}`, `{"value":1e}`, `{"value":-}`, `{"value":+1}`, `{"value":tru}`, `{"value":nul}`,
	} {
		if json.Valid([]byte(input)) {
			t.Errorf("%s is valid", input)
		}
		rejects(t, decodeBody(&d), input, "malformed JSON")
	}
}
