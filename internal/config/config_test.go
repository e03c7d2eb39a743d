package config

import (
	"errors"
	"fmt"
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
		MaxConns:         AutoMaxConns,

		TLSTimeoutHandshake: 10 * time.Second,

		StatsDHost:    "127.0.0.1",
		StatsDPort:    8125,
		StatsDNetwork: "udp",
		StatsDBuffer:  64 << 20,

		StatsDResolveInterval: 30 * time.Second,

		StatsDFlavor:    "none",
		NameFormat:      "any",
		JWTLeeway:       5 * time.Second,
		CORSOrigins:     []string{"*"},
		MaxTagKeys:      200,
		ServeClient:     true,
		ShutdownTimeout: 5 * time.Second,
		LogFormat:       "text", LogLevel: "info",
	}
}

func TestFlagsAreRead(t *testing.T) {
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
	f("--http-port=1 --http-port=2", func(c *Config) { c.HTTPPort = 2 })
	f("--http-host=", func(c *Config) { c.HTTPHost = "" })
	f("--http-host=::1", func(c *Config) { c.HTTPHost = "::1" })
	f("--http-host=[::1]", func(c *Config) { c.HTTPHost = "::1" })
	f("--http-host=fe80::1%lo", func(c *Config) { c.HTTPHost = "fe80::1%lo" })
	f("--statsd-host=statsd.example --statsd-port=9125", func(c *Config) { c.StatsDHost, c.StatsDPort = "statsd.example", 9125 })
	f("--serve-client=false", func(c *Config) { c.ServeClient = false })
	f("--verbose", func(c *Config) { c.Verbose = true })
	f("--verbose=false --demo", func(c *Config) { c.Demo = true })
	f("--http-timeout-read=2 --http-timeout-write=0.5 --http-timeout-idle=500ms", func(c *Config) {
		c.HTTPTimeoutRead, c.HTTPTimeoutWrite, c.HTTPTimeoutIdle = 2*time.Second, 500*time.Millisecond, 500*time.Millisecond
	})
	f("--http-timeout-idle=1m15s", func(c *Config) { c.HTTPTimeoutIdle = 75 * time.Second })
	f("--http-max-body=100", func(c *Config) { c.HTTPMaxBody = 100 })
	f("--tls-cert=c.pem --tls-key=k.pem", func(c *Config) { c.TLSCert, c.TLSKey = "c.pem", "k.pem" })
	f("--jwt-secret=a=b --metric-prefix=p", func(c *Config) { c.JWTSecrets, c.MetricPrefix = []string{"a=b"}, "p" })
	f("--jwt-secret=a,b --jwt-secret=--c --jwt-secret -d", func(c *Config) { c.JWTSecrets = []string{"a,b", "--c", "-d"} })
	f("--jwt-secret-file=s --jwt-public-key-file=k.pem --jwt-jwks-url=https://u:p@login.example/keys?a=b", func(c *Config) {
		c.JWTSecretFile, c.JWTPublicKeyFile, c.JWTJWKSURL = "s", "k.pem", "https://u:p@login.example/keys?a=b"
	})
	f("--jwt-secret-file=s --jwt-issuer=i --jwt-audience=a --jwt-require-exp --jwt-leeway=0", func(c *Config) {
		c.JWTSecretFile, c.JWTIssuer, c.JWTAudience, c.JWTRequireExp, c.JWTLeeway = "s", "i", "a", true, 0
	})
	f("--jwt-leeway=1.5", func(c *Config) { c.JWTLeeway = 1500 * time.Millisecond })
	f("--tag-format=dogstatsd --tags=env=prod,a=b --name-format=graphite --lowercase --histograms", func(c *Config) {
		c.TagFormat, c.Tags, c.NameFormat, c.Lowercase, c.Histograms = "dogstatsd", []string{"env=prod", "a=b"}, "graphite", true, true
	})
	f("--statsd-network=tcp --statsd-buffer=65536 --statsd-resolve-interval=5 --shutdown-timeout=500ms", func(c *Config) {
		c.StatsDNetwork, c.StatsDBuffer = "tcp", 65536
		c.StatsDResolveInterval, c.ShutdownTimeout = 5*time.Second, 500*time.Millisecond
	})
	f("--statsd-network=unixgram --statsd-socket=/run/dsd.socket --statsd-max-datagram=65507", func(c *Config) {
		c.StatsDNetwork, c.StatsDSocket, c.StatsDMaxDatagram = "unixgram", "/run/dsd.socket", 65507
	})
	f("--max-conns=1000 --max-conns-per-ip=10 --trusted-proxies=10.0.0.0/8,::1", func(c *Config) {
		c.MaxConns, c.MaxConnsPerIP, c.TrustedProxies = 1000, 10, []string{"10.0.0.0/8", "::1"}
	})
	f("--cors-origins=https://a.example --allow-metrics=web.*,app --max-series=10000 --rate-limit=0.5 --rate-burst=20", func(c *Config) {
		c.CORSOrigins, c.AllowMetrics = []string{"https://a.example"}, []string{"web.*", "app"}
		c.MaxSeries, c.RateLimit, c.RateBurst = 10000, 0.5, 20
	})
	f("--statsd-flavor=statsd-exporter --deny-metrics=stats.*,statsd.* --allow-tags=env,page --allow-tags=app.* --max-tag-keys=0", func(c *Config) {
		c.StatsDFlavor, c.DenyMetrics, c.AllowTags, c.MaxTagKeys = "statsd-exporter", []string{"stats.*", "statsd.*"}, []string{"env", "page", "app.*"}, 0
	})
	f("--max-conns=0", func(c *Config) { c.MaxConns = 0 })
	f("--max-conns=auto", func(c *Config) {})
	f("--rate-limit=0.001 --max-conns=1000000", func(c *Config) { c.RateLimit, c.MaxConns = 0.001, 1000000 })
	f("--statsd-max-datagram=512 --statsd-max-datagram=auto", func(*Config) {})
	f("--version", func(c *Config) { c.Version = true })
	f("--version --tls-cert=c.pem", func(c *Config) { c.Version, c.TLSCert = true, "c.pem" })
}

func TestBadOptionsAreNamed(t *testing.T) {
	f := func(args, want string) {
		t.Helper()
		if _, err := Parse(strings.Split(args, " ")); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want a line with %q", args, err, want)
		}
	}
	f("--nonsense", "--nonsense")
	f("--http-port", "--http-port")
	for _, port := range []string{"x", "-1", "65536", "80.5", ""} {
		f("--http-port="+port, fmt.Sprintf("invalid --http-port %q: want a number from 0 to 65535", port))
		f("--statsd-port="+port, fmt.Sprintf("invalid --statsd-port %q: want a number from 1 to 65535", port))
	}
	f("--statsd-port=0", "--statsd-port")
	for _, name := range []string{"--http-timeout-read", "--http-timeout-write", "--http-timeout-idle", "--statsd-resolve-interval", "--shutdown-timeout"} {
		for _, time := range []string{"x", "", "0", "-1", "1e99", "nan", "inf", "25h"} {
			f(name+"="+time, fmt.Sprintf("invalid %s %q: want a time above 0 and up to 24h", name, time))
		}
	}
	for _, name := range []string{"max-conns", "max-conns-per-ip", "max-tag-keys", "max-series", "rate-burst"} {
		for _, n := range []string{"-1", "1.5", "", "x", "1e3", "9999999999"} {
			f("--"+name+"="+n, fmt.Sprintf("--%s %q: want a whole number from 0 to ", name, n))
		}
	}
	for _, r := range []string{"-1", "", "x", "nan", "inf", "1e10", "0.0001"} {
		f("--rate-limit="+r, fmt.Sprintf("--rate-limit %q: want 0, or a number from 0.001 to 1000000000", r))
	}
	f("--tls-ticket-key-file=f", "--tls-ticket-key-file is given without --tls-cert")
	f("--proxy-protocol", "--proxy-protocol is given without --trusted-proxies")
	f("--rate-burst=5", "--rate-burst is given without --rate-limit")
	f("--statsd-network=sctp", `"sctp": want one of udp, tcp, unixgram, unix`)
	f("--statsd-network=unix", "--statsd-network=unix is given without --statsd-socket")
	f("--statsd-socket=/run/dsd.socket", "--statsd-socket")
	f("--statsd-network=unix --statsd-socket=/"+strings.Repeat("x", 107), "--statsd-socket")
	f("--verbose=maybe", "--verbose")
	f("--verbose true", `"true"`)
	f("stray", `"stray"`)
	f("--", `"--"`)
	f("---http-port=80", `"---http-port"`)
	f("--verbose true", "unexpected argument \"true\" (the value of --verbose needs an equals sign: --verbose=true)")
	f("--verbose=true true", "unexpected argument \"true\"; see --help")
	f("—jwt-secret=hidden", "unexpected argument \"—jwt-secret\" (its dash is not that of the keyboard: options start with --)")
	f("--http-port = 80", "--http-port has blanks around its equals sign: want --http-port=PORT")
	f("--http-timeout-read=1000ms1", "--http-timeout-read")
	f("--config=", "--config is empty")
	f("--tag-format=nonsense", `"nonsense": want one of influxdb, graphite, dogstatsd, librato, signalfx, none`)
	f("--tag-format=", "--tag-format")
	f("--statsd-flavor=statsd_exporter", "want one of none, etsy, telegraf, statsd-exporter, gostatsd, datadog, vector")
	f("--name-format=Graphite", "--name-format")
	f("--tls-cert=c.pem", "--tls-key")
	f("--tls-key=k.pem", "--tls-cert")
	for _, time := range []string{"x", "", "-1", "1e99", "nan", "25h"} {
		f("--jwt-leeway="+time, fmt.Sprintf("--jwt-leeway %q: want a time of up to 24h", time))
	}
	f("--jwt-issuer=i", "--jwt-issuer is given without --jwt-secret")
	f("--jwt-audience=a", "--jwt-audience is given without --jwt-secret")
	f("--jwt-require-exp", "--jwt-require-exp is given without --jwt-secret")
	f("--config=/nonexistent/file", "--config: open /nonexistent/file")
	f("--config=/", "--config: ")
}

func TestHostsHaveNoPort(t *testing.T) {
	f := func(name, host, want string) {
		t.Helper()
		want = fmt.Sprintf("invalid --%s %q: want a host%s", name, host, want)
		if _, err := Parse([]string{"--" + name + "=" + host}); err == nil || err.Error() != want {
			t.Errorf("--%s=%s: error %v, want %s", name, host, err, want)
		}
	}
	f("statsd-host", "127.0.0.1:9125", " without a port; give the port as --statsd-port=9125")
	f("statsd-host", "statsd:8125", " without a port; give the port as --statsd-port=8125")
	f("statsd-host", "[::1]:8125", " without a port; give the port as --statsd-port=8125")
	f("http-host", ":8080", " without a port; give the port as --http-port=8080")
	f("statsd-host", "", " name or an IP address")
	for _, host := range []string{"udp://statsd", "statsd/8125", "a b", "[::1", "[statsd]", "statsd:x", "::1::"} {
		f("statsd-host", host, " name or an IP address")
		f("http-host", host, " name or an IP address")
	}
}

func TestDemoHasItsOwnStatsD(t *testing.T) {
	for _, arg := range []string{"--statsd-host=h", "--statsd-port=8125", "--statsd-network=udp"} {
		name, _, _ := strings.Cut(arg, "=")
		if _, err := Parse([]string{"--demo", arg}); err == nil || !strings.HasPrefix(err.Error(), "--demo is given with "+name) {
			t.Errorf("--demo %s: error %v, want it to name both", arg, err)
		}
	}
}

func TestEachKeyOptionRequiresTokens(t *testing.T) {
	for _, args := range [][]string{
		{"--jwt-secret=s"}, {"--jwt-secret-file=f"}, {"--jwt-public-key-file=f"}, {"--jwt-jwks-url=https://login.example/"},
	} {
		if c, err := Parse(args); err != nil || !c.NeedsTokens() {
			t.Errorf("%s: requests need no token: %v", args, err)
		}
	}
	if c, err := Parse(nil); err != nil || c.NeedsTokens() {
		t.Errorf("without keys, requests need a token: %v", err)
	}
}

func TestSecretsAreNotInErrors(t *testing.T) {
	for _, args := range []string{
		"--jwt-secret=hidden --nonsense", "--jwt-secret --jwt-secret=hidden", "--jwt-secret=hidden stray", "--jwt-secrets=hidden",
		"--jwt-secret=hidden --tls-cert=c",
	} {
		if _, err := Parse(strings.Fields(args)); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: error %v, want one without the secret", args, err)
		}
	}
}

func TestHelpIsAskedFor(t *testing.T) {
	t.Setenv("STATSD_HTTP_PROXY_HTTP_PORT", "x") // is not looked at
	for _, args := range []string{"-h", "--help", "-help", "--http-port=1 --help"} {
		if _, err := Parse(strings.Fields(args)); !errors.Is(err, ErrHelp) {
			t.Errorf("%s: %v, want ErrHelp", args, err)
		}
	}
	if c, err := Parse([]string{"--version"}); err != nil || !c.Version {
		t.Errorf("--version: %v", err)
	}
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

func TestNetworksAreStreamsOrNot(t *testing.T) {
	for network, want := range map[string]bool{"udp": false, "tcp": true, "unixgram": false, "unix": true} {
		if c := (Config{StatsDNetwork: network}); c.IsStream() != want {
			t.Errorf("%s is a stream: %v", network, c.IsStream())
		}
	}
}
