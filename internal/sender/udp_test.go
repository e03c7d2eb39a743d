package sender

import (
	"fmt"
	"strings"
	"testing"
)

func TestFirstQuoted(t *testing.T) {
	f := func(written, quoted string, want int) {
		t.Helper()
		var packets []*buffer
		for _, text := range strings.Fields(written) {
			packets = append(packets, &buffer{bytes: []byte(text)})
		}
		var all []returned
		for _, q := range strings.Fields(quoted) {
			all = append(all, returned{quoted: []byte(q)})
		}
		if got := firstQuoted(packets, all); got != want {
			t.Errorf("of %.40q were quoted %.40q: got %d, want %d", written, quoted, got, want)
		}
	}
	f("a:1|c b:1|c c:1|c", "", 3)
	f("a:1|c b:1|c c:1|c", "a:1|c", 0)
	f("a:1|c b:1|c c:1|c", "b:1|c", 1)
	f("a:1|c b:1|c c:1|c", "b:1|c c:1|c", 1)
	f("a:1|c b:1|c c:1|c", "x:1|c", 3)
	f("", "a:1|c", 0)
	// The last of equal ones, each once.
	f("a:1|c a:1|c a:1|c b:1|c", "a:1|c", 2)
	f("a:1|c a:1|c a:1|c b:1|c", "a:1|c a:1|c", 1)
	f("a:1|c a:1|c a:1|c b:1|c", "a:1|c b:1|c", 2)
	f("a:1|c a:1|c", "a:1|c a:1|c a:1|c", 0)
	// A router quotes the beginning; too little of it says nothing.
	long := strings.Repeat("x", 1000)
	f(fmt.Sprintf("a%s b%s c%s", long, long, long), "b"+long[:minQuoted], 1)
	f(fmt.Sprintf("a%s b%s c%s", long, long, long), "b"+long[:minQuoted-2], 3)
	f("a:1|c b:1|c", "b:1", 2)
}
