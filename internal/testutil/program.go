// Package testutil has what the tests of the whole program share: it builds the
// program, starts and stops it and the programs around it, and provides a fake
// StatsD, certificates, tokens and a browser. Only tests import it.
package testutil

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// buildDir is the directory that Main makes for built programs.
var buildDir string

// Main is the body of a TestMain. It runs the tests, removes what was built for
// them and returns the exit code.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "statsd-http-proxy-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	buildDir = dir
	return m.Run()
}

// Root returns the directory of the module's sources. It panics if the working
// directory is outside of them.
var Root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			panic("testutil: there is no go.mod above the working directory")
		}
		dir = parent
	}
})

// Path returns the absolute path of a file of the module, such as
// deploy/nginx/statsd-http-proxy.conf.
func Path(name string) string { return filepath.Join(Root(), name) }

// ReadFile returns the content of a file of the module.
func ReadFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The program is built when a test needs it, once as it is shipped and once with
// the race detector.
var (
	plainBinary = sync.OnceValues(func() (string, error) { return build("statsd-http-proxy", "0") })
	raceBinary  = sync.OnceValues(func() (string, error) { return build("statsd-http-proxy-race", "1", "-race", "-pgo=off") })
)

// build builds the program and returns the path of its binary.
func build(name, cgo string, flags ...string) (string, error) {
	if buildDir == "" {
		return "", errors.New("the package's TestMain does not call testutil.Main")
	}
	binary := filepath.Join(buildDir, name)
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath"}, flags...), "-o", binary, "./cmd/statsd-http-proxy")...)
	cmd.Dir = Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, output)
	}
	return binary, nil
}

// readSources reads the directories and files on which the results depend. The go
// command caches the results of tests. It does not know that these tests build
// the program and run scripts, but it notes which files a test looks at.
var readSources = sync.OnceFunc(func() {
	for _, dir := range []string{
		"cmd", "internal", "deploy", "docs", "client/dist", "client/src", "test/browser/scripts",
		"test/clients/programs",
	} {
		_ = filepath.WalkDir(Path(dir), func(string, fs.DirEntry, error) error { return nil })
	}
	for _, file := range []string{
		"go.mod", "Makefile", "README.md", "client/README.md", "client/package.json", "test/node_modules/.installed",
	} {
		_, _ = os.Stat(Path(file))
	}
})

// Need skips the test for the given reason unless ok. If the environment has
// CI=true, it fails the test instead: continuous integration skips nothing.
func Need(t testing.TB, ok bool, reason string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s, and CI=true allows no skipped test", reason)
	default:
		t.Skip(reason)
	}
}

// NeedCommand returns the path of a program. It skips the test if the machine does
// not have the program.
func NeedCommand(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil { // Debian installs servers into a directory of root's PATH
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	Need(t, err == nil, "there is no "+name)
	return path
}

// NeedFile returns the absolute path of a file of the module that test/install
// makes, such as client/dist/index.js. It skips the test if there is no such file.
func NeedFile(t testing.TB, name string) string {
	t.Helper()
	path := Path(name)
	_, err := os.Stat(path)
	Need(t, err == nil, "there is no "+name+", see test/install")
	return path
}
