package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEffectiveOptionsAreWritten(t *testing.T) {
	f := func(args []string, want ...string) {
		t.Helper()
		var b, defaults strings.Builder
		if err := WriteEffective(&b, args); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		if err := WriteEffective(&defaults, nil); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(b.String()) {
			if !strings.Contains(defaults.String(), line) {
				got = append(got, strings.TrimSuffix(line, "\n"))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", args, diff)
		}
	}
	f(nil)
	f([]string{"--http-port=8825", "--http-max-body=1MB", "--check-config"}, "http-port 8825", "http-max-body 1MB")
	f([]string{"--verbose", "--lowercase=false", "--http-timeout-read=500ms"}, "http-timeout-read 500ms", "verbose true")
	f([]string{"--tags=a=1", "--tags=b=2,c=3", `--metric-prefix= a"\#`}, `metric-prefix " a\"\\#"`, "tags a=1,b=2,c=3")
	f([]string{"--jwt-secret=hidden", "--jwt-secret=hidden too"}, "jwt-secret set")
	f([]string{"--jwt-jwks-url=https://user:hidden@login.example/"}, "jwt-jwks-url https://user:xxxxx@login.example/")
	file := writeFile(t, "http-port 1\nmetric-prefix p\n")
	f([]string{"--config=" + file, "--http-port=2"},
		"http-port 2", "metric-prefix p", "config "+file)
}

// TestEffectiveOptionsAreAConfigFile reads them back.
func TestEffectiveOptionsAreAConfigFile(t *testing.T) {
	args := []string{"--http-host=::1", `--metric-prefix= a"\#`, "--tags=a=1,b=2", "--verbose", "--statsd-network=tcp", "--rate-limit=0.5"}
	want, err := Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := WriteEffective(&b, args); err != nil {
		t.Fatal(err)
	}
	got, err := Parse([]string{"--config=" + writeFile(t, b.String())})
	if err != nil {
		t.Fatal(err)
	}
	want.File = got.File
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
