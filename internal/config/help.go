package config

import (
	"io"
	"strings"
)

// helpWidth is the width of the help text, in characters.
const helpWidth = 90

// helpIndent is the indentation of an option's description.
const helpIndent = "      "

// helpSections are the sections after the options.
var helpSections = []struct {
	title      string
	paragraphs []string
}{
	{"Values", []string{
		`TIME is a number of seconds (5, 0.5) or has a unit (500ms, 1m30s).`,
		`SIZE is a number of bytes (65536) or has a unit (KB, MB, GB, KiB, MiB, GiB).`,
		`Options whose value is a list separated by commas, and --jwt-secret, may be repeated.`,
	}},
	{"Sources", []string{
		`Every option except --help, --version and --check-config can also be set by an environment
variable: --http-port by STATSD_HTTP_PROXY_HTTP_PORT. A flag overrides a variable, and a variable
overrides the file that --config names. An empty variable counts as not set, except
STATSD_HTTP_PROXY_HTTP_HOST. An empty value of an option that protects the proxy (certificates, keys,
secrets, rules for tokens, lists of what is allowed, the configuration file) is an error.`,
	}},
	{"Exit status", []string{
		`0 after SIGTERM or SIGINT; 1 if the proxy cannot start, such as for a port in use or an
unreadable certificate; 2 for a wrong option.`,
	}},
}

// WriteHelp writes the text of --help.
func WriteHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`statsd-http-proxy accepts metrics over HTTP and forwards them to StatsD.

Usage:
  statsd-http-proxy [--option=value ...]
  statsd-http-proxy token [--option=value ...]    print a token; see token --help
  statsd-http-proxy secret                        print a new secret for tokens
  statsd-http-proxy health [--admin-listen=...]   check a running proxy; see health --help

Try it:
  statsd-http-proxy --http-port=8825 --demo --verbose
`)
	for _, g := range options {
		b.WriteString("\n" + g.title + ":\n")
		for i := range g.options {
			writeOption(&b, &g.options[i])
		}
	}
	for _, section := range helpSections {
		b.WriteString("\n" + section.title + ":\n")
		for _, paragraph := range section.paragraphs {
			writeWrapped(&b, paragraph, "  ", "  ")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeOption writes the help text of one option:
//
//	--http-port=PORT
//	    Port to listen on. 0 picks a free port. The log shows the address.
//	    Default: 80.
func writeOption(b *strings.Builder, o *option) {
	b.WriteString("  " + o.flag())
	if !o.kind.isSwitch {
		b.WriteString("=" + o.kind.name)
	}
	b.WriteByte('\n')
	help := o.help
	if o.preset != "" && len(o.choices) == 0 {
		help += " Default: " + o.preset + "."
	}
	writeWrapped(b, help, helpIndent, helpIndent)
	for _, c := range o.choices {
		text := c.help
		if c.word == o.preset {
			text += " (default)"
		}
		name := helpIndent + c.word + strings.Repeat(" ", wordWidth(o.choices)-len(c.word)+2)
		writeWrapped(b, text, name, strings.Repeat(" ", len(name)))
	}
}

// wordWidth returns the length of the longest word of choices.
func wordWidth(choices []choice) int {
	width := 0
	for _, c := range choices {
		width = max(width, len(c.word))
	}
	return width
}

// writeWrapped writes text in lines of at most helpWidth characters. The first
// line begins with first, the others begin with rest.
func writeWrapped(b *strings.Builder, text, first, rest string) {
	line := first
	isEmpty := true
	for word := range strings.FieldsSeq(text) {
		if !isEmpty && len(line)+1+len(word) > helpWidth {
			b.WriteString(line + "\n")
			line, isEmpty = rest, true
		}
		if !isEmpty {
			line += " "
		}
		line += word
		isEmpty = false
	}
	b.WriteString(line + "\n")
}
