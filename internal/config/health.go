package config

import (
	"io"
	"os"
	"strings"
)

// Health holds the options of the command health.
type Health struct {
	AdminListen string `option:"admin-listen"` // empty for none

	File string `option:"config"`
	Help bool   `option:"help"`
}

// healthOptions is the table of the options of the command health.
var healthOptions = []group{{"Options", []option{
	{name: "admin-listen", kind: adminAddress(),
		help: `Address that the proxy has as its --admin-listen. By default it is read from the
environment variable STATSD_HTTP_PROXY_ADMIN_LISTEN, or else from the configuration file.`},
	{name: "config", kind: text("FILE"),
		help: `Configuration file of the proxy. Its other options are ignored. The environment variable
is STATSD_HTTP_PROXY_CONFIG.`},
	{name: "help", kind: onOff(), onlyFlag: true,
		help: `Print this help and exit.`},
}}}

// ParseHealth reads the options of the command health from its arguments, from the
// environment and from the configuration file. The error is one line that names the
// option.
func ParseHealth(args []string) (*Health, error) {
	flags, err := parseArguments(args, healthOptions)
	if err != nil {
		return nil, err
	}
	h := new(Health)
	if err := bind(h, healthOptions).apply(flags); err != nil {
		return nil, err
	}
	if h.Help {
		return nil, ErrHelp
	}
	variables, _ := readEnvironment(os.Environ(), options)
	if h.AdminListen == "" {
		h.AdminListen, _ = last(variables, "admin-listen")
	}
	if h.File == "" {
		h.File, _ = last(variables, "config")
	}
	if h.AdminListen == "" && h.File != "" {
		lines, err := readFile(h.File, options)
		if err != nil {
			return nil, err
		}
		h.AdminListen, _ = last(lines, "admin-listen")
	}
	return h, nil
}

// WriteHealthHelp writes the text of health --help.
func WriteHealthHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`statsd-http-proxy health asks a running proxy whether it is ready. It exits with 0 if /readyz of
the admin listener responds with 200, else with 1 and the reason.

Usage:
  statsd-http-proxy health [--admin-listen=ADDRESS]

Options:
`)
	for _, g := range healthOptions {
		for i := range g.options {
			writeOption(&b, &g.options[i])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
