package main

import (
	"errors"
	"io"

	"statsd-http-proxy/internal/admin"
	"statsd-http-proxy/internal/config"
)

// runHealth runs the command health and returns its exit code.
func runHealth(args []string, stdout, stderr io.Writer) int {
	h, err := config.ParseHealth(args)
	switch {
	case errors.Is(err, config.ErrHelp):
		return exitCode(stderr, config.WriteHealthHelp(stdout))
	case err != nil:
		return exitCode(stderr, optionsError(err))
	case h.AdminListen == "":
		return exitCode(stderr, errors.New("the address of the admin listener is missing: give --admin-listen"))
	}
	return exitCode(stderr, admin.Check(h.AdminListen))
}
