// Package harness starts, watches and stops programs for tests: the proxy above
// all, which it builds. It serves tests alone.
package harness

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var (
	root   string // of the sources
	binary string // the program under test, built from them
)

// Main is the body of a TestMain: it builds the program from the sources in dir,
// runs the tests and returns the exit code.
func Main(m *testing.M, dir string) int {
	root = dir
	built, err := os.MkdirTemp("", "statsd-http-proxy-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(built)

	binary = filepath.Join(built, "statsd-http-proxy")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/statsd-http-proxy")
	build.Dir = root
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
	for _, dir := range []string{"cmd", "internal", "deploy", "client/dist", "test/browser", "test/statsd"} {
		_ = filepath.WalkDir(filepath.Join(root, dir), func(string, fs.DirEntry, error) error { return nil })
	}
	for _, file := range []string{"go.mod", "Makefile", "client/README.md", "client/package.json", "test/node_modules/.installed"} {
		_, _ = os.Stat(filepath.Join(root, file))
	}
})

// Need skips the test, for the reason why, unless it has what it needs. In
// continuous integration nothing may be missing.
func Need(t testing.TB, ok bool, why string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s, and CI=true allows no skipped test", why)
	default:
		t.Skip(why)
	}
}

// NeedCommand returns the path of a program, or skips the test.
func NeedCommand(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil { // Debian keeps servers where only root's PATH leads
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	Need(t, err == nil, "there is no "+name)
	return path
}
