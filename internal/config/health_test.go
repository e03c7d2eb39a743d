package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHealthOptionsAreRead(t *testing.T) {
	file := writeFile(t, "http-port 8825\nadmin-listen unix:/file\n")
	f := func(args string, want Health) {
		t.Helper()
		got, err := ParseHealth(strings.Fields(args))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			return
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
	f("", Health{})
	f("--admin-listen=127.0.0.1:1", Health{AdminListen: "127.0.0.1:1"})
	f("--config="+file, Health{AdminListen: "unix:/file", File: file})
	t.Setenv("STATSD_HTTP_PROXY_ADMIN_LISTEN", ":2")
	f("", Health{AdminListen: ":2"})
	f("--config="+file, Health{AdminListen: ":2", File: file})
	f("--admin-listen=unix:/flag --config="+file, Health{AdminListen: "unix:/flag", File: file})
	t.Setenv("STATSD_HTTP_PROXY_ADMIN_LISTEN", "")
	t.Setenv("STATSD_HTTP_PROXY_CONFIG", file)
	f("", Health{AdminListen: "unix:/file", File: file})
}

func TestBadHealthOptionsAreNamed(t *testing.T) {
	f := func(args, want string) {
		t.Helper()
		if _, err := ParseHealth(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %q", args, err, want)
		}
	}
	f("--admin-listen=x", "--admin-listen")
	f("--http-port=1", "--http-port")
	f("--config=/nonexistent/file", "/nonexistent/file")
	if _, err := ParseHealth([]string{"--help"}); !errors.Is(err, ErrHelp) {
		t.Errorf("got %v, want ErrHelp", err)
	}
}

func TestAdminAddressesAndPrefixesAreChecked(t *testing.T) {
	f := func(option, value string, isValid bool) {
		t.Helper()
		_, err := Parse([]string{"--" + option + "=" + value})
		if (err == nil) != isValid || err != nil && !strings.HasPrefix(err.Error(), "invalid --"+option) {
			t.Errorf("--%s=%q: got error %v, want valid: %t", option, value, err, isValid)
		}
	}
	for _, value := range []string{"", "127.0.0.1:8826", ":0", "[::1]:65535", "localhost:1", "unix:/run/a b.sock", "unix:relative"} {
		f("admin-listen", value, true)
	}
	for _, value := range []string{"8826", "127.0.0.1", "127.0.0.1:", "h:65536", "h:http", "http://h:1", "a b:1", "unix:", "unix:" + strings.Repeat("x", 108)} {
		f("admin-listen", value, false)
	}
	for _, value := range []string{"", "proxy", "proxy.web-1_x.", strings.Repeat("x", 100)} {
		f("self-metrics", value, true)
	}
	for _, value := range []string{".", "a b", "a:b", "a|b", "ä", strings.Repeat("x", 101)} {
		f("self-metrics", value, false)
	}
	f("log-level", "warn", true)
	f("log-level", "WARN", false)
	f("log-format", "json", true)
	f("log-format", "xml", false)
	f("ready-statsd-timeout", "30", true)
	f("ready-statsd-timeout", "-1", false)
}

func TestHealthHelpShowsEachOption(t *testing.T) {
	var b strings.Builder
	if err := WriteHealthHelp(&b); err != nil {
		t.Fatal(err)
	}
	for _, g := range healthOptions {
		for _, o := range g.options {
			if strings.Count(b.String(), "\n  --"+o.name) != 1 {
				t.Errorf("--%s is not in the help once:\n%s", o.name, &b)
			}
		}
	}
	if !strings.Contains(b.String(), "exits with 0 if /readyz") {
		t.Errorf("the help does not say what the command does:\n%s", &b)
	}
}
