package main

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestParseTicketKeys(t *testing.T) {
	key := func(b byte, n int) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(b), n)))
	}
	f := func(text string, want int) {
		t.Helper()
		keys, err := parseTicketKeys([]byte(text))
		if err != nil || len(keys) != want {
			t.Errorf("%q: got %d keys, %v, want %d", text, len(keys), err, want)
		}
		for i := range keys {
			for j := range i {
				if keys[i] == keys[j] {
					t.Errorf("%q: keys %d and %d are equal", text, j, i)
				}
			}
		}
	}
	a, b := key('a', 48), key('b', 48)
	f(a, 1)
	f(a+"\n"+b+"\n", 2)
	f("\ufeff# comment\r\n\r\n  "+a+" \r\n# another\n\n"+b, 2)

	fails := func(text, want string) {
		t.Helper()
		keys, err := parseTicketKeys([]byte(text))
		if err == nil || keys != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), a) {
			t.Errorf("%q: got %v, %v, want an error with %q and without the key", text, keys, err, want)
		}
	}
	fails("", "no key")
	fails("# none\n\n", "no key")
	fails(a+"\n"+key('a', 47), "line 2: want 48 bytes")
	fails("#\n"+key('a', 80), "line 2: want 48 bytes")
	fails("secret!\n"+a, "line 1: want 48 bytes")
	fails(strings.Repeat("a", 100_000), "token too long")
}
