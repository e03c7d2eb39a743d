package demo

import (
	"net"
	"regexp"
	"strings"
	"testing"
)

func TestLinesArePrintedWithTheTime(t *testing.T) {
	var out strings.Builder
	s, err := Start(&out)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("a:1|c\nb:2|g")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	want := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} a:1\|c\n\d\d:\d\d:\d\d\.\d{3} b:2\|g\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("printed %q", out.String())
	}
}
