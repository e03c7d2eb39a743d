package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteHelp writes the help text: how to call the program, and each option by
// group with its default and its name in the environment.
func WriteHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`statsd-http-proxy accepts metrics over HTTP and forwards them to StatsD.

Usage:
  statsd-http-proxy [--option=value ...]
  statsd-http-proxy token [--option=value ...]    print a token, see token --help

Try it: statsd-http-proxy --http-port=8825 --demo --verbose
`)
	for _, g := range new(Config).groups() {
		fmt.Fprintf(&b, "\n%s:\n", g.title)
		for _, o := range g.options {
			writeOption(&b, o, o.env())
		}
	}
	b.WriteString(`
An option on the command line beats one in the environment, which beats one in
the file that --config names.
`)
	_, err := io.WriteString(w, b.String())
	return err
}

// env returns the name of o in the environment.
func (o *option) env() string {
	return envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(o.name, "-", "_"))
}

// writeOption writes one option, with its name in the environment if it has
// one:
//
//	--http-port
//	    port to listen on; 0 picks a free one
//	    default 80, environment STATSD_HTTP_PROXY_HTTP_PORT
func writeOption(b *strings.Builder, o option, env string) {
	preset := o.value.String()
	if preset == "" {
		preset = `""`
	}
	usage := strings.ReplaceAll(o.usage, "\n", "\n      ")
	if env != "" {
		env = ", environment " + env
	}
	fmt.Fprintf(b, "  --%s\n      %s\n      default %s%s\n", o.name, usage, preset, env)
}
