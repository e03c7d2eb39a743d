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

// These build servers when a test needs them.
var (
	exporterProgram = sync.OnceValues(func() (string, error) {
		path, err := exec.Command("go", "tool", "-n", "github.com/prometheus/statsd_exporter").Output()
		return strings.TrimSpace(string(path)), err
	})
	telegrafProgram = sync.OnceValues(func() (string, error) {
		if buildDir == "" {
			return "", errors.New("the package's TestMain does not call testutil.Main")
		}
		binary := filepath.Join(buildDir, "telegraf")
		cmd := exec.Command("go", "build", "-o", binary, ".")
		cmd.Dir = Path("test/telegraf")
		if output, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", cmd, err, output)
		}
		return binary, nil
	})
	pebblePrograms = sync.OnceValues(func() (string, error) {
		if buildDir == "" {
			return "", errors.New("the package's TestMain does not call testutil.Main")
		}
		cmd := exec.Command("go", "build", "-o", buildDir, "tool")
		cmd.Dir = Path("test/pebble")
		if output, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", cmd, err, output)
		}
		return buildDir, nil
	})
)

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
