//go:build linux

package main

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2/hpack"
)

func TestIsOK(t *testing.T) {
	f := func(want bool, status string, sizes ...uint32) {
		t.Helper()
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		for _, size := range sizes {
			encoder.SetMaxDynamicTableSize(size)
		}
		for _, field := range []hpack.HeaderField{{Name: ":status", Value: status}, {Name: "date", Value: "x"}} {
			if err := encoder.WriteField(field); err != nil {
				t.Fatal(err)
			}
		}
		if got := isOK(block.Bytes()); got != want {
			t.Errorf("status %s after sizes %v: got %t, want %t", status, sizes, got, want)
		}
	}
	f(true, "200")
	f(true, "200", 0)
	f(true, "200", 30)
	f(true, "200", 31)
	f(true, "200", 2000)
	f(true, "200", 0, 2000) // two updates
	f(false, "204")
	f(false, "400", 0)
	f(false, "400", 2000)
	for _, block := range []string{"", "\x20", "\x3f", "\x3f\x80"} {
		if isOK([]byte(block)) {
			t.Errorf("the block %x: got true, want false", block)
		}
	}
}
