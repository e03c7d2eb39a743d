package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// defaults are those of the specification.
func defaults() Config {
	return Config{
		HTTPHost:         "127.0.0.1",
		HTTPPort:         80,
		HTTPTimeoutRead:  time.Second,
		HTTPTimeoutWrite: time.Second,
		HTTPTimeoutIdle:  time.Second,
		HTTPMaxBody:      1 << 20,
		StatsDHost:       "127.0.0.1",
		StatsDPort:       8125,
		StatsDNetwork:    "udp",
		StatsDBuffer:     64 << 20,

		StatsDResolveInterval: 30 * time.Second,

		TagFormat:       "influxdb",
		NameFormat:      "any",
		JWTLeeway:       5 * time.Second,
		CORSOrigins:     "*",
		ShutdownTimeout: 5 * time.Second,
	}
}

func TestOptionsAreRead(t *testing.T) {
	f := func(args string, change func(*Config)) {
		t.Helper()
		want := defaults()
		change(&want)
		got, err := Parse(strings.Fields(args))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			return
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
	f("", func(*Config) {})
	f("--http-port=8080", func(c *Config) { c.HTTPPort = 8080 })
	f("--http-port 8080", func(c *Config) { c.HTTPPort = 8080 })
	f("-http-port 8080", func(c *Config) { c.HTTPPort = 8080 })
	f("-http-port=0", func(c *Config) { c.HTTPPort = 0 })
	f("--http-host=", func(c *Config) { c.HTTPHost = "" })
	f("--http-host=::1", func(c *Config) { c.HTTPHost = "::1" })
	f("--http-host=fe80::1%lo", func(c *Config) { c.HTTPHost = "fe80::1%lo" })
	f("--statsd-host=statsd.example --statsd-port=9125", func(c *Config) { c.StatsDHost, c.StatsDPort = "statsd.example", 9125 })
	f("--verbose", func(c *Config) { c.Verbose = true })
	f("--verbose=false --demo", func(c *Config) { c.Demo = true })
	f("--http-timeout-read=2 --http-timeout-write=0.5 --http-timeout-idle=500ms", func(c *Config) {
		c.HTTPTimeoutRead, c.HTTPTimeoutWrite, c.HTTPTimeoutIdle = 2*time.Second, 500*time.Millisecond, 500*time.Millisecond
	})
	f("--http-timeout-idle=1m15s", func(c *Config) { c.HTTPTimeoutIdle = 75 * time.Second })
	f("--http-max-body=100", func(c *Config) { c.HTTPMaxBody = 100 })
	f("--tls-cert=c.pem --tls-key=k.pem", func(c *Config) { c.TLSCert, c.TLSKey = "c.pem", "k.pem" })
	f("--jwt-secret=a=b --metric-prefix=p", func(c *Config) { c.JWTSecrets, c.MetricPrefix = []string{"a=b"}, "p" })
	f("--jwt-secret= --jwt-secret=", func(*Config) {})
	f("--jwt-secret=a,b --jwt-secret= --jwt-secret c", func(c *Config) { c.JWTSecrets = []string{"a,b", "c"} })
	f("--jwt-secret-file=s --jwt-public-key-file=k.pem --jwt-jwks-url=https://u:p@login.example/keys?a=b", func(c *Config) {
		c.JWTSecretFile, c.JWTPublicKeyFile, c.JWTJWKSURL = "s", "k.pem", "https://u:p@login.example/keys?a=b"
	})
	f("--jwt-secret-file=s --jwt-issuer=i --jwt-audience=a --jwt-require-exp --jwt-leeway=0", func(c *Config) {
		c.JWTSecretFile, c.JWTIssuer, c.JWTAudience, c.JWTRequireExp, c.JWTLeeway = "s", "i", "a", true, 0
	})
	f("--jwt-leeway=1.5", func(c *Config) { c.JWTLeeway = 1500 * time.Millisecond })
	f("--tag-format=dogstatsd --tags=env=prod,a=b --name-format=graphite --lowercase --histograms", func(c *Config) {
		c.TagFormat, c.Tags, c.NameFormat, c.Lowercase, c.Histograms = "dogstatsd", "env=prod,a=b", "graphite", true, true
	})
	f("--statsd-network=tcp --statsd-buffer=65536 --statsd-resolve-interval=5 --shutdown-timeout=500ms", func(c *Config) {
		c.StatsDNetwork, c.StatsDBuffer = "tcp", 65536
		c.StatsDResolveInterval, c.ShutdownTimeout = 5*time.Second, 500*time.Millisecond
	})
	f("--statsd-network=unixgram --statsd-socket=/run/dsd.socket --statsd-max-datagram=65507", func(c *Config) {
		c.StatsDNetwork, c.StatsDSocket, c.StatsDMaxDatagram = "unixgram", "/run/dsd.socket", 65507
	})
	f("--max-conns=1000 --max-conns-per-ip=10 --trusted-proxies=10.0.0.0/8,::1", func(c *Config) {
		c.MaxConns, c.MaxConnsPerIP, c.TrustedProxies = 1000, 10, "10.0.0.0/8,::1"
	})
	f("--cors-origins=https://a.example --allow-metrics=web.*,app --max-series=10000 --rate-limit=0.5 --rate-burst=20", func(c *Config) {
		c.CORSOrigins, c.AllowMetrics, c.MaxSeries, c.RateLimit, c.RateBurst = "https://a.example", "web.*,app", 10000, 0.5, 20
	})
	f("--statsd-max-datagram=512 --statsd-max-datagram=auto", func(*Config) {})
	f("--version", func(c *Config) { c.Version = true })
	f("--version --tls-cert=c.pem", func(c *Config) { c.Version, c.TLSCert = true, "c.pem" })
}

func TestBadOptionsAreNamed(t *testing.T) {
	f := func(args, want string) {
		t.Helper()
		if _, err := Parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want a line with %q", args, err, want)
		}
	}
	f("--nonsense", "-nonsense")
	f("--http-port", "-http-port")
	for _, port := range []string{"x", "-1", "65536", "80.5", ""} {
		f("--http-port="+port, "-http-port")
		f("--statsd-port="+port, "-statsd-port")
	}
	f("--statsd-port=0", "--statsd-port")
	for _, name := range []string{"read", "write", "idle"} {
		for _, time := range []string{"x", "", "0", "-1", "1e99", "nan", "inf", "1 s", "25h"} {
			args := []string{"--http-timeout-" + name + "=" + time}
			if _, err := Parse(args); err == nil || !strings.Contains(err.Error(), "-http-timeout-"+name) {
				t.Errorf("%q: error %v", args, err)
			}
		}
	}
	f("--http-max-body=0", "-http-max-body")
	f("--http-max-body=1MB", "-http-max-body")
	f("--http-max-body=9999999999", "-http-max-body")
	for _, name := range []string{"max-conns", "max-conns-per-ip", "max-series", "rate-burst"} {
		for _, n := range []string{"-1", "1.5", "", "x", "1e3", "9999999999"} {
			f("--"+name+"="+n, fmt.Sprintf("-%s: %q is not a whole number", name, n))
		}
	}
	for _, r := range []string{"-1", "", "x", "nan", "inf", "1e10", "0.0001"} {
		f("--rate-limit="+r, fmt.Sprintf("-rate-limit: %q is not a number a second", r))
	}
	f("--rate-burst=5", "--rate-burst is given without --rate-limit")
	f("--statsd-network=sctp", `"sctp" is none of udp, tcp, unixgram, unix`)
	f("--statsd-network=unix", "--statsd-network=unix is given without --statsd-socket")
	f("--statsd-socket=/run/dsd.socket", "--statsd-socket")
	f("--statsd-network=unix --statsd-socket=/"+strings.Repeat("x", 107), "--statsd-socket")
	for _, size := range []string{"511", "65508", "", "big"} {
		f("--statsd-max-datagram="+size, fmt.Sprintf("%q is not a size in bytes, 512 to 65507, nor auto", size))
	}
	f("--statsd-buffer=65535", `"65535" is not a size in bytes, 65536 to 2147483647`)
	f("--statsd-resolve-interval=0", "-statsd-resolve-interval")
	f("--shutdown-timeout=0", "-shutdown-timeout")
	f("--verbose=maybe", "-verbose")
	f("--verbose true", `"true"`)
	f("stray", `"stray"`)
	f("--tag-format=nonsense", `"nonsense" is none of influxdb, graphite, dogstatsd, librato, signalfx, none`)
	f("--tag-format=", "-tag-format")
	f("--name-format=Graphite", "-name-format")
	f("--tls-cert=c.pem", "--tls-key")
	f("--tls-key=k.pem", "--tls-cert")
	for _, time := range []string{"x", "", "-1", "1e99", "nan", "25h"} {
		f("--jwt-leeway="+time, "-jwt-leeway")
	}
	f("--jwt-issuer=i", "--jwt-issuer is given without --jwt-secret")
	f("--jwt-audience=a --jwt-secret=", "--jwt-audience is given without --jwt-secret")
	f("--jwt-require-exp", "--jwt-require-exp is given without --jwt-secret")
	f("--statsd-host=", "--statsd-host")
	f("--statsd-host=127.0.0.1:8125", "--statsd-host")
	f("--statsd-host=udp://statsd", "--statsd-host")
	f("--http-host=127.0.0.1:80", "--http-host")
	f("--config=/nonexistent/file", "--config: open /nonexistent/file")
	f("--config=/", "--config: ")
}

func TestFlagBeatsEnvironmentBeatsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "proxy.conf")
	const text = "# a comment\n\nhttp-port 1\n--statsd-port=2\nmetric-prefix = from file\njwt-secret a #b=c\n\tverbose\r\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STATSD_HTTP_PROXY_STATSD_PORT", "3")
	t.Setenv("STATSD_HTTP_PROXY_METRIC_PREFIX", "from.environment")
	t.Setenv("STATSD_HTTP_PROXY_CONFIG", file)
	t.Setenv("STATSD_HTTP_PROXY_HTTP_TIMEOUT_READ", "") // counts as not set
	t.Setenv("STATSD_HTTP_PROXY_HTTP_HOST", "")         // any interface
	got, err := Parse([]string{"--metric-prefix=from.flag"})
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.HTTPHost = ""
	want.HTTPPort, want.StatsDPort, want.MetricPrefix = 1, 3, "from.flag"
	want.JWTSecrets, want.Verbose, want.File = []string{"a #b=c"}, true, file
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	t.Setenv("STATSD_HTTP_PROXY_STATSD_PORT", "x")
	if _, err := Parse(nil); err == nil || !strings.Contains(err.Error(), `STATSD_HTTP_PROXY_STATSD_PORT`) {
		t.Errorf("bad port in the environment: %v", err)
	}
	t.Setenv("STATSD_HTTP_PROXY_STATSD_PORT", "")
	for text, want := range map[string]string{
		"nonsense 1\n":    `"nonsense"`,
		"nonsense\n":      `"nonsense"`,
		"jwt-secret\n":    "jwt-secret has no value", // not the secret "true"
		"http-port = x\n": `"x" is not a port`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a file with %q: %v, want an error with %q", text, err, want)
		}
	}
	if err := os.WriteFile(file, []byte("metric-prefix \"\"\njwt-secret=\"a b\"\nverbose\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err = Parse([]string{"--http-host=h"})
	if err != nil || got.HTTPHost != "h" || got.MetricPrefix != "from.environment" || !slices.Equal(got.JWTSecrets, []string{"a b"}) || !got.Verbose {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestSecretsAddUp reads secrets from each place: one place beats the next, as
// with every option.
func TestSecretsAddUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "proxy.conf")
	if err := os.WriteFile(file, []byte("jwt-secret one\njwt-secret two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(want []string, args ...string) {
		t.Helper()
		got, err := Parse(append(args, "--config="+file))
		if err != nil || !slices.Equal(got.JWTSecrets, want) || got.NeedsTokens() != (len(want) > 0) {
			t.Errorf("%q: got %q, %v, want %q", args, got.JWTSecrets, err, want)
		}
	}
	f([]string{"one", "two"})
	f([]string{"three", "four"}, "--jwt-secret=three", "--jwt-secret=four")
	f(nil, "--jwt-secret=")
	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "a,b c")
	f([]string{"a,b c"})
	f(nil, "--jwt-secret=")

	for _, option := range []string{"--jwt-secret-file=f", "--jwt-public-key-file=f", "--jwt-jwks-url=https://login.example/"} {
		t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "")
		if c, err := Parse([]string{option}); err != nil || !c.NeedsTokens() {
			t.Errorf("%s alone lets every request in: %v", option, err)
		}
	}
}

func TestHelpNamesEachOptionOnce(t *testing.T) {
	var b bytes.Buffer
	if err := WriteHelp(&b); err != nil {
		t.Fatal(err)
	}
	options := 0
	for _, g := range new(Config).groups() {
		for _, o := range g.options {
			options++
			env := "STATSD_HTTP_PROXY_" + strings.ToUpper(strings.ReplaceAll(o.name, "-", "_"))
			if strings.Count(b.String(), "\n  --"+o.name+"\n") != 1 || strings.Count(b.String(), env+"\n") != 1 {
				t.Errorf("--%s is not named once, with its environment", o.name)
			}
		}
	}
	if fields := reflect.TypeFor[Config]().NumField(); options != fields {
		t.Errorf("%d options for %d fields", options, fields)
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > 110 {
			t.Errorf("the line is long: %s", line)
		}
	}
	for _, args := range []string{"-h", "--help", "-help"} {
		if _, err := Parse([]string{args}); !errors.Is(err, ErrHelp) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestBurstFollowsTheRate(t *testing.T) {
	f := func(rate float64, burst, want int) {
		t.Helper()
		if got := (&Config{RateLimit: rate, RateBurst: burst}).Burst(); got != want {
			t.Errorf("a rate of %v with the burst %d: got %d, want %d", rate, burst, got, want)
		}
	}
	f(100, 0, 1000)
	f(100, 50, 50)
	f(0.01, 0, 1)
	f(1e9, 0, maxBurst)
}

func TestAddressesAreJoined(t *testing.T) {
	c := defaults()
	c.HTTPHost, c.StatsDHost = "", "::1"
	if c.HTTPAddress() != ":80" || c.StatsDAddress() != "[::1]:8125" {
		t.Errorf("got %s and %s", c.HTTPAddress(), c.StatsDAddress())
	}
	c.StatsDNetwork, c.StatsDSocket = "unix", "/run/statsd.sock"
	if c.StatsDAddress() != "/run/statsd.sock" {
		t.Errorf("got %s", c.StatsDAddress())
	}
}
