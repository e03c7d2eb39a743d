package testutil

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// These build a program when a test needs it.
var (
	exporterProgram = sync.OnceValues(func() (string, error) {
		path, err := exec.Command("go", "tool", "-n", "github.com/prometheus/statsd_exporter").Output()
		return strings.TrimSpace(string(path)), err
	})
	telegrafProgram = sync.OnceValues(func() (string, error) { return buildIn("test/telegraf", ".", "telegraf") })
	h2specProgram   = sync.OnceValues(func() (string, error) { return buildIn("test/h2spec", "tool", "h2spec") })
	pebblePrograms  = sync.OnceValues(func() (string, error) { return buildIn("test/pebble", "tool", "") })
)

// buildIn runs go build for packages in a directory that has a go.mod of its own, and
// returns the path of the program with that name, or of the directory with all of them.
func buildIn(dir, packages, name string) (string, error) {
	if buildDir == "" {
		return "", errors.New("the package's TestMain does not call testutil.Main")
	}
	path := filepath.Join(buildDir, name)
	cmd := exec.Command("go", "build", "-o", path, packages)
	cmd.Dir = Path(dir)
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, output)
	}
	return path, nil
}

// ExporterProgram returns the path of Prometheus' statsd_exporter, a tool of this
// module.
func ExporterProgram(t testing.TB) string {
	t.Helper()
	path, err := exporterProgram()
	if err != nil {
		t.Fatalf("build statsd_exporter: %v", err)
	}
	return path
}

// TelegrafProgram returns the path of test/telegraf, an agent with Telegraf's input
// statsd. Its only argument is a configuration file.
func TelegrafProgram(t testing.TB) string {
	t.Helper()
	path, err := telegrafProgram()
	if err != nil {
		t.Fatalf("build Telegraf: %v", err)
	}
	return path
}

// H2specProgram returns the path of h2spec, which checks how a server speaks HTTP/2.
func H2specProgram(t testing.TB) string {
	t.Helper()
	path, err := h2specProgram()
	if err != nil {
		t.Fatalf("build h2spec: %v", err)
	}
	return path
}

// PebblePrograms returns the paths of the tools of test/pebble: Pebble, an ACME server for
// tests, and a DNS server that gives it the address 127.0.0.1 for every name.
func PebblePrograms(t testing.TB) (pebble, dns string) {
	t.Helper()
	dir, err := pebblePrograms()
	if err != nil {
		t.Fatalf("build Pebble: %v", err)
	}
	return filepath.Join(dir, "pebble"), filepath.Join(dir, "pebble-challtestsrv")
}
