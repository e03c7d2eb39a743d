// Package test runs the real program between real parts: StatsD servers, nginx,
// a browser, the container image. Where a part is missing its test says so and
// is skipped; test/install gets what it can.
package test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// binary is the program under test, built from the sources beside this package.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "statsd-http-proxy-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)

	binary = filepath.Join(dir, "statsd-http-proxy")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "../cmd/statsd-http-proxy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", build, err, output)
		return 1
	}
	return m.Run()
}

// readSources tells the go command on which files the results depend. It
// caches the results of tests and does not know that these ones build the
// program and run scripts, but from m.Run on it watches which directories a
// test reads.
var readSources = sync.OnceFunc(func() {
	for _, root := range []string{"../cmd", "../internal", "../deploy", "browser", "statsd"} {
		_ = filepath.WalkDir(root, func(string, fs.DirEntry, error) error { return nil })
	}
	for _, file := range []string{"../go.mod", "../Makefile", "node_modules/.installed"} {
		_, _ = os.Stat(file)
	}
})

// need skips the test, for the reason why, unless it has what it needs. In
// continuous integration nothing may be missing.
func need(t *testing.T, ok bool, why string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s, and CI=true allows no skipped test", why)
	default:
		t.Skip(why)
	}
}

// needCommand returns the path of a program, or skips the test.
func needCommand(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil { // Debian keeps servers where only root's PATH leads
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	need(t, err == nil, "there is no "+name)
	return path
}

// needNodePackage returns the path of a file of an npm package, or skips the
// test.
func needNodePackage(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("node_modules", file))
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(path)
	need(t, err == nil, "there is no "+file+" in test/node_modules, see test/install")
	return path
}
