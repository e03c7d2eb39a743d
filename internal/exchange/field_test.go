package exchange

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"
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

// TestSetFieldReadsEachField sets each field in several cases, and names that differ in one
// letter.
func TestSetFieldReadsEachField(t *testing.T) {
	check := func(name, value string, want Request, wantCounts FieldCounts) {
		t.Helper()
		var got Request
		var counts FieldCounts
		herr := set(&got, &counts, name, value)
		got.Head = nil
		if herr != nil || counts != wantCounts || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s: got %+v, %+v, %v, want %+v, %+v", name, value, got, counts, herr, want, wantCounts)
		}
	}
	f := func(name, value string, want Request, wantCounts FieldCounts) {
		t.Helper()
		for _, spelling := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			check(spelling, value, want, wantCounts)
		}
		for i := range name {
			check(name[:i]+"0"+name[i+1:], value, Request{}, FieldCounts{})
		}
		check(name+"s", value, Request{}, FieldCounts{})
		check(name[:len(name)-1], value, Request{}, FieldCounts{})
	}
	span := func(name string) Span { return Span{uint16(len(name)), uint16(len(name) + len("value"))} }
	f("Host", "h", Request{}, FieldCounts{Hosts: 1})
	f("Expect", "100-Continue", Request{WantsContinue: true}, FieldCounts{})
	f("Expect", "other", Request{BadExpectation: true}, FieldCounts{})
	f("Expect", "", Request{BadExpectation: true}, FieldCounts{})
	f("Origin", "value", Request{Origin: span("Origin")}, FieldCounts{})
	f("Connection", "close", Request{WantsClose: true}, FieldCounts{})
	f("Connection", "keep-alive", Request{}, FieldCounts{KeepsAlive: true})
	f("Connection", "a,\tClose , Keep-Alive", Request{WantsClose: true}, FieldCounts{KeepsAlive: true})
	f("Connection", "closed, keep-alive2, c l o s e", Request{}, FieldCounts{})
	f("X-JWT-Token", "value", Request{JWTToken: span("X-JWT-Token")}, FieldCounts{})
	f("Content-Type", "value", Request{ContentType: span("Content-Type")}, FieldCounts{})
	f("Authorization", "value", Request{Authorization: span("Authorization")}, FieldCounts{})
	f("If-None-Match", "value", Request{IfNoneMatch: span("If-None-Match")}, FieldCounts{})
	f("Content-Length", "70", Request{BodyLength: 70, HasLength: true}, FieldCounts{Lengths: 1})
	f("X-Forwarded-For", "value", Request{ForwardedFor: []Span{span("X-Forwarded-For")}}, FieldCounts{})
	f("Accept-Encoding", "value", Request{AcceptEncoding: span("Accept-Encoding")}, FieldCounts{})
	f("Content-Encoding", "value", Request{ContentEncoding: span("Content-Encoding")}, FieldCounts{})
	f("Transfer-Encoding", "Chunked", Request{}, FieldCounts{Codings: 1})
	for _, codings := range []string{"gzip", "chunked, gzip", "gzip;a=b , chunked", "x\t,y"} {
		f("Transfer-Encoding", codings, Request{}, FieldCounts{Codings: 1, HasUnknownCoding: true})
	}
	f("Access-Control-Request-Method", "value", Request{PreflightMethod: span("Access-Control-Request-Method")}, FieldCounts{})
	f("Access-Control-Request-Headers", "value", Request{PreflightHeaders: span("Access-Control-Request-Headers")}, FieldCounts{})
}

func TestSetFieldRejectsBadValues(t *testing.T) {
	f := func(name, value string, want *HTTPError) {
		t.Helper()
		if got := set(new(Request), new(FieldCounts), name, value); got != want {
			t.Errorf("%s: %q: got %v, want %v", name, value, got, want)
		}
	}
	for b := range 256 {
		c := string([]byte{byte(b)})
		isAlphanumeric := b < 0x80 && (unicode.IsLetter(rune(b)) || unicode.IsDigit(rune(b)))
		host, coding := BadHost, BadCoding
		if isAlphanumeric || b < 0x80 && strings.Contains("-._~%!$&'()*+,;=:[]", c) {
			host = nil
		}
		if isAlphanumeric || b < 0x80 && strings.Contains("!#$%&'*+-.^_`|~", c) || c == "," || c == ";" {
			coding = nil // a comma and a semicolon separate tokens
		}
		f("Host", "h"+c+"h", host)
		f("Transfer-Encoding", "x"+c+"y", coding)
		if b < '0' || b > '9' {
			f("Content-Length", "1"+c, BadLength)
			f("Content-Length", c, BadLength)
		}
	}
	for _, codings := range []string{"", ",", "chunked,", ",x", "chunked, chunked", "chunked;x", ";x"} {
		f("Transfer-Encoding", codings, BadCoding)
	}
	f("Content-Length", "", BadLength)
	f("Host", "", nil)
}

func TestParseLength(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "7": 7, "007": 7, strconv.Itoa(math.MaxInt): math.MaxInt,
		"": -1, strconv.FormatUint(math.MaxInt+1, 10): -1, "99999999999999999999": -1, "+7": -1, "-7": -1, " 7": -1, "7 ": -1, "0x7": -1, "7,7": -1,
	} {
		if got := parseLength([]byte(text)); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
