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
	"strings"
	"syscall"

	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/logbuf"
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
	if len(args) > 0 && isCommand(args[0]) {
		return runCommand(args[0], args[1:], stdout, stderr)
	}
	c, effective, err := config.ParseEffective(args)
	switch {
	case errors.Is(err, config.ErrHelp):
		return exitCode(stderr, config.WriteHelp(stdout))
	case err != nil:
		return exitCode(stderr, optionsError(err))
	case c.Version:
		_, err := fmt.Fprintf(stdout, "statsd-http-proxy %s (%s, %s, %s)\n", version, commit, date, runtime.Version())
		return exitCode(stderr, err)
	}
	if c.CheckConfig {
		return exitCode(stderr, checkConfig(c, effective, args, stdout, stderr))
	}
	return serve(c, args, stdout, stderr)
}

// isCommand reports whether an argument is the name of a command. Otherwise it is an
// option, or one that is misspelled.
func isCommand(arg string) bool {
	return arg != "" && 'a' <= arg[0] && arg[0] <= 'z' && !strings.Contains(arg, "=")
}

// runCommand runs a command other than the proxy itself and returns its exit code.
func runCommand(name string, args []string, stdout, stderr io.Writer) int {
	switch name {
	case "token":
		return runToken(args, stdout, stderr)
	case "health":
		return runHealth(args, stdout, stderr)
	case "secret":
		return runSecret(args, stdout, stderr)
	default:
		return exitCode(stderr, usageError{fmt.Errorf("unknown command %q; the commands are token, secret and health; see --help", name)})
	}
}

// checkConfig checks the options and the files that they name, and prints the
// effective options.
func checkConfig(c *config.Config, effective config.Effective, args []string, stdout, stderr io.Writer) error {
	a, err := newApp(c, args, stdout, stderr)
	if err != nil {
		return err
	}
	a.warn(publicWarning(c, configuredAddress(c)))
	a.warn(acmeWarning(a.acmeOptions, configuredAddress(c)))
	for _, warning := range a.warnings {
		printMessage(stderr, "warning: "+warning)
	}
	return effective.Write(stdout)
}

// serve runs the proxy until SIGINT or SIGTERM and returns its exit code. A second
// signal ends the program at once.
func serve(c *config.Config, args []string, stdout, stderr io.Writer) int {
	signal.Ignore(syscall.SIGPIPE) // the reader of the log or of the demo's output may exit
	var a *app
	log := logbuf.New(stderr, maxLogBytes, func(dropped uint64) {
		a.log.Warn("log lines dropped, because standard error is read too slowly", "count", dropped)
	})
	a, err := newApp(c, args, stdout, log) // logs nothing yet
	if err == nil {
		a.logDropped = log.Dropped
		ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer release()
		context.AfterFunc(ctx, release)
		err = a.run(ctx)
	}
	code := exitCode(log, err)
	ctx, cancel := a.flushContext()
	defer cancel()
	log.Close(ctx)
	return code
}
