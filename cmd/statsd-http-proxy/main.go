// Command statsd-http-proxy accepts metrics over HTTP, as browsers can send
// them, and forwards them to StatsD.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"statsd-http-proxy/internal/config"
)

// The linker sets these, see Makefile.
var (
	version = "dev"
	commit  = "unknown commit"
	date    = "unknown date"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run runs the program with the given arguments and returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		switch args[0] {
		case "token":
			return runToken(args[1:], stdout, stderr)
		case "health":
			return runHealth(args[1:], stdout, stderr)
		}
	}
	c, err := config.Parse(args)
	switch {
	case errors.Is(err, config.ErrHelp):
		return exitCode(stderr, config.WriteHelp(stdout))
	case err != nil:
		return exitCode(stderr, usageError{err})
	case c.Version:
		_, err := fmt.Fprintf(stdout, "statsd-http-proxy %s (%s, %s, %s)\n", version, commit, date, runtime.Version())
		return exitCode(stderr, err)
	}
	return exitCode(stderr, serve(c, args, stdout, stderr))
}

// serve runs the proxy until SIGINT or SIGTERM, or only checks the options with
// --check-config. A second signal ends the program at once.
func serve(c *config.Config, args []string, stdout, stderr io.Writer) error {
	a, err := newApp(c, args, stdout, stderr)
	if err != nil {
		return err
	}
	if c.CheckConfig {
		for _, warning := range a.warnings {
			printMessage(stderr, "warning: "+warning)
		}
		return config.WriteEffective(stdout, args)
	}
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	context.AfterFunc(ctx, release)
	return a.run(ctx)
}
