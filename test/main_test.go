// Package test runs the real program between real parts: StatsD servers, nginx,
// a browser, the container image. Where a part is missing its test says so and
// is skipped; test/install gets what it can.
package test

import (
	"os"
	"path/filepath"
	"testing"

	"statsd-http-proxy/test/harness"
)

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, ".."))
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
	harness.Need(t, err == nil, "there is no "+file+" in test/node_modules, see test/install")
	return path
}
