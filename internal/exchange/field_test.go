package exchange

import (
	"fmt"
	"testing"
)

// set sets a field of q, whose head becomes name and value.
func set(q *Request, counts *FieldCounts, name, value string) *HTTPError {
	start := len(q.Head) + len(name)
	q.Head = append(append(q.Head, name...), value...)
	return q.SetField(q.Head[start-len(name):start], q.Head[start:], start, counts)
}

func TestSetFieldKeepsTheFirstValue(t *testing.T) {
	var q Request
	var counts FieldCounts
	fields := map[string]*Span{
		"Origin": &q.Origin, "Access-Control-Request-Method": &q.PreflightMethod, "content-type": &q.ContentType,
		"CONTENT-ENCODING": &q.ContentEncoding, "X-JWT-Token": &q.JWTToken, "authorization": &q.Authorization,
	}
	for name, span := range fields {
		for _, value := range []string{"", "first", "second"} {
			if herr := set(&q, &counts, name, value); herr != nil {
				t.Fatal(herr.Message)
			}
		}
		if got := string(q.Bytes(*span)); got != "first" {
			t.Errorf("%s is %q", name, got)
		}
	}
	for i := range 3 {
		_ = set(&q, &counts, "X-Forwarded-For", fmt.Sprint(i))
	}
	for i, span := range q.ForwardedFor {
		if got := string(q.Bytes(span)); got != fmt.Sprint(i) {
			t.Errorf("X-Forwarded-For number %d is %q", i, got)
		}
	}
	if len(q.ForwardedFor) != 3 {
		t.Errorf("there are %d of X-Forwarded-For", len(q.ForwardedFor))
	}
}

func TestParseLength(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "7": 7, "007": 7, "9223372036854775807": 1<<63 - 1,
		"": -1, "9223372036854775808": -1, "99999999999999999999": -1, "+7": -1, "-7": -1, " 7": -1, "7 ": -1, "0x7": -1, "7,7": -1,
	} {
		if got := parseLength([]byte(text)); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
