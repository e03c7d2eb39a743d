package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestEachOptionHasAField(t *testing.T) {
	f := func(groups []group, fields reflect.Type) {
		t.Helper()
		tags := make(map[string]bool)
		for i := range fields.NumField() {
			if name := fields.Field(i).Tag.Get("option"); name != "" {
				tags[name] = true
			}
		}
		seen := make(map[string]bool)
		for _, g := range groups {
			for _, o := range g.options {
				if seen[o.name] || !tags[o.name] || o.help == "" {
					t.Errorf("--%s: is in the table twice, has no field in %s or no help text", o.name, fields)
				}
				seen[o.name] = true
			}
		}
		if len(seen) != len(tags) {
			t.Errorf("%s has %d options for %d fields", fields, len(seen), len(tags))
		}
	}
	f(options, reflect.TypeFor[Config]())
	f(tokenOptions, reflect.TypeFor[Token]())
}

// helpOf returns the help text of one option.
func helpOf(t *testing.T, text, name string) string {
	t.Helper()
	_, text, found := strings.Cut(text, "\n  --"+name)
	if !found {
		t.Fatalf("--%s is not in the help", name)
	}
	text, _, _ = strings.Cut(text, "\n  --")
	text, _, _ = strings.Cut(text, "\n\n")
	return "--" + name + text
}

func TestHelpShowsEachOptionOnce(t *testing.T) {
	var b bytes.Buffer
	if err := WriteHelp(&b); err != nil {
		t.Fatal(err)
	}
	help := b.String()
	for _, g := range options {
		if strings.Count(help, "\n"+g.title+":\n") != 1 {
			t.Errorf("the group %s is not in the help once", g.title)
		}
		for _, o := range g.options {
			flag := "\n  --" + o.name + "\n"
			if !o.kind.isSwitch {
				flag = "\n  --" + o.name + "=" + o.kind.name + "\n"
			}
			if strings.Count(help, flag) != 1 {
				t.Errorf("--%s is not in the help once", o.name)
			}
		}
	}
	for _, section := range helpSections {
		if !strings.Contains(help, "\n\n"+section.title+":\n  ") {
			t.Errorf("the section %s is not in the help", section.title)
		}
	}
	for line := range strings.Lines(help) {
		if len(line) > helpWidth+1 || strings.TrimRight(line, " \n")+"\n" != line {
			t.Errorf("a line is longer than %d characters, or ends in blanks: %q", helpWidth, line)
		}
	}
	for _, want := range []string{
		"Every option except --help, --version and --check-config can also be set by an environment variable: " +
			"--http-port by STATSD_HTTP_PROXY_HTTP_PORT. A flag overrides a variable, and a variable overrides the file",
		"TIME is a number of seconds (5, 0.5) or has a unit",
		"SIZE is a number of bytes (65536) or has a unit",
	} {
		if !strings.Contains(strings.Join(strings.Fields(help), " "), want) {
			t.Errorf("the help lacks %q", want)
		}
	}

	f := func(name, want string) {
		t.Helper()
		if got := helpOf(t, help, name); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	f("http-port", `--http-port=PORT
      Port to listen on. 0 picks a free port. The log shows the address. Default: 80.`)
	f("lowercase", `--lowercase
      Change names and tags to lower case.`)
	f("statsd-network", `--statsd-network=WORD
      How to reach the StatsD server.
      udp       datagrams to --statsd-host; every StatsD server reads these (default)
      tcp       a connection to --statsd-host, for Etsy StatsD's TCP server, Telegraf and
                statsd_exporter
      unixgram  datagrams to --statsd-socket, for the Datadog Agent, Telegraf and
                statsd_exporter
      unix      a connection to --statsd-socket`)
}

func TestTokenHelpShowsEachOptionOnce(t *testing.T) {
	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "hidden")
	var b bytes.Buffer
	if err := WriteTokenHelp(&b); err != nil {
		t.Fatal(err)
	}
	for _, g := range tokenOptions {
		for _, o := range g.options {
			if strings.Count(b.String(), "\n"+"  --"+o.name+"=") != 1 && !o.kind.isSwitch {
				t.Errorf("--%s is not in the help once", o.name)
			}
		}
	}
	for _, want := range []string{"STATSD_HTTP_PROXY_JWT_SECRET.", "STATSD_HTTP_PROXY_JWT_SECRET_FILE.", "Default: 1h.\n"} {
		if strings.Count(b.String(), want) != 1 {
			t.Errorf("%q is not in the help once", want)
		}
	}
	if strings.Contains(b.String(), "hidden") {
		t.Errorf("the help shows a value of the environment:\n%s", &b)
	}
}
