package config

import (
	"fmt"
	"testing"
)

func TestSizesHaveUnits(t *testing.T) {
	f := func(text string, want int) {
		t.Helper()
		c, err := Parse([]string{"--http-max-body=" + text})
		if err != nil || c.HTTPMaxBody != want {
			t.Errorf("%s: got %+v, %v, want %d", text, c, err, want)
		}
	}
	f("1", 1)
	f("100B", 100)
	f("2KB", 2000)
	f("1MB", 1_000_000)
	f("1mb", 1_000_000)
	f("2GB", 2_000_000_000)
	f("512KiB", 512<<10)
	f("1MiB", 1<<20)
	f("1GiB", 1<<30)
	f("2147483647", 1<<31-1)
}

func TestBadSizesAreErrors(t *testing.T) {
	f := func(name, text string, least, most int, examples string) {
		t.Helper()
		want := fmt.Sprintf("invalid --%s %q: want a size from %d to %d bytes, such as %s", name, text, least, most, examples)
		if _, err := Parse([]string{"--" + name + "=" + text}); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
	const most = 1<<31 - 1
	for _, text := range []string{"", "0", "-1", "1.5MB", "1M", "1K", "MB", "1 MB", "1TB", "x", "3GB", "2GiB", "9999999999", "0MB", "1e3", "1MBx", "18446744073709551615GB"} {
		f("http-max-body", text, 1, most, "65536, 64KiB or 1MB")
	}
	for _, text := range []string{"65535", "63KiB", "65KB"} {
		f("statsd-buffer", text, 65536, most, "65536, 64KiB or 1MB")
	}
	for _, text := range []string{"511", "65508", "64KiB", "", "Auto", "big"} {
		f("statsd-max-datagram", text, 512, 65507, "1432 or 8KiB, or auto")
	}
}
