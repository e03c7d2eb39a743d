package server

import (
	"strings"
	"testing"
)

// TestHeadIsReadStrictly knows which rule a head breaks.
func TestHeadIsReadStrictly(t *testing.T) {
	f := func(head string, want *refusal) {
		t.Helper()
		length, no := parseHead([]byte(head), new(request))
		if no != want || no == nil && length != len(head) {
			t.Errorf("%q: length %d, %v, want %v", head, length, no, want)
		}
		for i := range head { // no piece of it is taken for a whole, nor a good one for a bad one
			if length, no := parseHead([]byte(head[:i]), new(request)); length > 0 || no != nil && no != want {
				t.Errorf("%q: length %d, %v, want more", head[:i], length, no)
			}
		}
	}
	const line, host = "POST / HTTP/1.1\r\n", "Host: h\r\n"
	f(line+host+"\r\n", nil)
	f("GET / HTTP/1.0\r\n\r\n", nil)
	f("GET  / HTTP/1.0\r\n\r\n", badLine)
	f("GET /\t HTTP/1.0\r\n\r\n", badLine)
	f("GET /\x7f HTTP/1.0\r\n\r\n", badLine)
	f("G(T / HTTP/1.0\r\n\r\n", badLine)
	f("GET / HTTP/1.2\r\n\r\n", badVersion)
	f("GET / HTTP/1.0\n\r\n", badLineEnd)
	f(line+"\r\n", badHost)
	f(line+host+host+"\r\n", badHost)
	for _, host := range []string{"h X: y", "h/", "h?", "h#", "u@h", "h, h", "h\t", "\"h\"", "http://h"} {
		f(line+"Host: "+host+"x\r\n\r\n", badHost)
	}
	for _, host := range []string{"", "h:", "shop.example:80", "[::1]:80", "10.0.0.1", "a_b-c~d%20", "\xc3\xa4.example", "!$&'()*+,;="} {
		f(line+"Host: "+host+"\r\n\r\n", nil)
	}
	f(line+host+"X : y\r\n\r\n", badName)
	f(line+host+" X: y\r\n\r\n", badName)
	f(line+host+": y\r\n\r\n", badName)
	f(line+host+"X: \x00\r\n\r\n", badValue)
	f(line+host+"X: y\rz\r\n\r\n", badValue)
	f(line+host+"X: y\n\r\n", badLineEnd)
	f(line+host+"Content-Length: 1\r\ncontent-length: 1\r\n\r\n", badLength)
	f(line+host+"Content-Length: 1,1\r\n\r\n", badLength)
	f(line+host+"Transfer-Encoding: identity\r\n\r\n", badCoding)
	f(line+host+"Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", badCoding)
	f("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", badCoding)
	f(line+host+"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", twoLengths)
}

func TestControlCharactersAreFoundAnywhere(t *testing.T) {
	for length := range 40 {
		for at := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("\t~ \x80\xff", 8)[:length])
				text[at] = byte(c)
				want := length
				if c < ' ' && c != '\t' || c == 0x7f {
					want = at
				}
				if got := firstControl(text); got != want {
					t.Fatalf("%q: got %d, want %d", text, got, want)
				}
			}
		}
	}
}
