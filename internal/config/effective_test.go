package config

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// writeEffective writes the options that are in effect with the given arguments.
func writeEffective(w io.Writer, args []string) error {
	_, effective, err := ParseEffective(args)
	if err != nil {
		return err
	}
	return effective.Write(w)
}

func TestEffectiveOptionsAreWritten(t *testing.T) {
	f := func(args []string, want ...string) {
		t.Helper()
		var b, defaults strings.Builder
		if err := writeEffective(&b, args); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		if err := writeEffective(&defaults, nil); err != nil {
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
	if err := writeEffective(&b, args); err != nil {
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

func TestEffectiveOptionsOfAPipeAreWritten(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.WriteString("jwt-secret hidden\n") // fits into the pipe
	w.Close()
	var b strings.Builder
	if err := writeEffective(&b, []string{fmt.Sprintf("--config=/dev/fd/%d", r.Fd())}); err != nil || !strings.Contains(b.String(), "jwt-secret set\n") {
		t.Errorf("got %v and\n%s, want the secret of the pipe", err, &b)
	}
}
