// Package config holds every option of the program once: its name, default,
// help text and check. An option is given as a flag, in the environment or in
// a file, in this order of precedence.
package config

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3"
)

// Config is the set of options, see options for what each means.
type Config struct {
	HTTPHost         string
	HTTPPort         int
	HTTPTimeoutRead  time.Duration
	HTTPTimeoutWrite time.Duration
	HTTPTimeoutIdle  time.Duration
	HTTPMaxBody      int
	TrustedProxies   string
	MaxConns         int
	MaxConnsPerIP    int

	TLSCert string
	TLSKey  string

	StatsDHost            string
	StatsDPort            int
	StatsDNetwork         string
	StatsDSocket          string
	StatsDMaxDatagram     int // 0 leaves it to the network
	StatsDBuffer          int
	StatsDResolveInterval time.Duration

	MetricPrefix string
	TagFormat    string
	Tags         string
	NameFormat   string
	Lowercase    bool
	Histograms   bool

	JWTSecrets       []string
	JWTSecretFile    string
	JWTPublicKeyFile string
	JWTJWKSURL       string
	JWTIssuer        string
	JWTAudience      string
	JWTRequireExp    bool
	JWTLeeway        time.Duration

	CORSOrigins  string
	AllowMetrics string
	MaxSeries    int
	RateLimit    float64
	RateBurst    int

	ShutdownTimeout time.Duration
	Verbose         bool
	Demo            bool
	File            string
	Version         bool
}

// envPrefix begins the name of each option in the environment.
const envPrefix = "STATSD_HTTP_PROXY"

// option is one option as the flag package and the help text see it.
type option struct {
	name  string
	value flag.Value // holds the default until it is set
	usage string
}

// group is a part of the help text.
type group struct {
	title   string
	options []option
}

// groups binds the options to c and sets their defaults.
func (c *Config) groups() []group {
	return []group{
		{"HTTP", []option{
			{"http-host", text(&c.HTTPHost, "127.0.0.1"), `host to listen on; empty accepts connections on any interface`},
			{"http-port", port(&c.HTTPPort, 80), `port to listen on; 0 picks a free one`},
			{"http-timeout-read", seconds(&c.HTTPTimeoutRead, time.Second), `time for reading a whole request with its body, in seconds or like 500ms`},
			{"http-timeout-write", seconds(&c.HTTPTimeoutWrite, time.Second), `time for writing an answer`},
			{"http-timeout-idle", seconds(&c.HTTPTimeoutIdle, time.Second), `time to wait for a connection's next request; more than a balancer in front waits`},
			{"http-max-body", size(&c.HTTPMaxBody, 1, 1<<20), `size of the largest body accepted, in bytes`},
			{"max-conns", count(&c.MaxConns, maxConns), `how many connections may be open at once; 0 for any number`},
			{"max-conns-per-ip", count(&c.MaxConnsPerIP, maxConns),
				`how many of them from one address (of IPv6: one /64), trusted proxies apart; 0 for any number`},
			{"trusted-proxies", text(&c.TrustedProxies, ""),
				`addresses and networks of balancers, like 10.0.0.0/8,fd00::/8, whose X-Forwarded-For
tells where a request comes from`},
		}},
		{"TLS", []option{
			{"tls-cert", text(&c.TLSCert, ""), `certificate file (PEM); with --tls-key, HTTPS is served instead of HTTP`},
			{"tls-key", text(&c.TLSKey, ""), `private key file (PEM) of the certificate`},
		}},
		{"StatsD", []option{
			{"statsd-host", text(&c.StatsDHost, "127.0.0.1"), `host of the StatsD server`},
			{"statsd-port", port(&c.StatsDPort, 8125), `UDP or TCP port of the StatsD server`},
			{"statsd-network", choice(&c.StatsDNetwork, "udp", "tcp", "unixgram", "unix"),
				`how to reach the server:
udp       datagrams to --statsd-host, for every StatsD
tcp       a connection to --statsd-host, for Etsy StatsD's TCP server, Telegraf, statsd_exporter
unixgram  datagrams to --statsd-socket, for the Datadog Agent, Telegraf, statsd_exporter
unix      a connection to --statsd-socket`},
			{"statsd-socket", text(&c.StatsDSocket, ""), `path of the server's Unix domain socket`},
			{"statsd-max-datagram", datagram(&c.StatsDMaxDatagram),
				`size of the largest datagram, and so of the longest metric, in bytes;
auto is 1432 for udp, which an Ethernet carries, and 8192 for the others`},
			{"statsd-buffer", size(&c.StatsDBuffer, minBuffer, 64<<20),
				`bytes of metrics that wait while the server is away; beyond, requests get 503`},
			{"statsd-resolve-interval", seconds(&c.StatsDResolveInterval, 30*time.Second),
				`how often the server's name is looked up; also done when it is away`},
			{"metric-prefix", text(&c.MetricPrefix, ""), `put before each metric name, joined by a dot`},
			{"tag-format", choice(&c.TagFormat, "influxdb", "graphite", "dogstatsd", "librato", "signalfx", "none"),
				`how the server wants tags:
influxdb   name,env=prod:1|c    Telegraf, statsd_exporter
graphite   name;env=prod:1|c    Etsy StatsD, Graphite
dogstatsd  name:1|c|#env:prod   Datadog, gostatsd, Vector, statsd_exporter
librato    name#env=prod:1|c    Librato, statsd_exporter
signalfx   name[env=prod]:1|c   SignalFx, statsd_exporter
none       name:1|c             Etsy StatsD and others that know no tags`},
			{"tags", text(&c.Tags, ""), `tags of every metric, like env=prod,region=eu; its own of the same key wins`},
			{"name-format", choice(&c.NameFormat, "any", "graphite", "prometheus"),
				`what names may consist of; the rest becomes underscores:
any         everything that StatsD itself takes
graphite    letters, digits, and _ . -  for Graphite and what reads its names
prometheus  letters, digits and _       for statsd_exporter and Prometheus`},
			{"lowercase", toggle(&c.Lowercase), `fold names and tags to lower case`},
			{"histograms", toggle(&c.Histograms), `accept the types histogram (h) and distribution (d), for Datadog, Telegraf,
statsd_exporter and gostatsd; Etsy StatsD would take them for counters`},
		}},
		{"Security", []option{
			{"jwt-secret", secrets(&c.JWTSecrets), `secret of the JSON Web Tokens that metrics need (HS256, HS384, HS512); given
several times, any of them verifies. Without it and the next three options
every request is let in`},
			{"jwt-secret-file", text(&c.JWTSecretFile, ""), `file with such a secret a line`},
			{"jwt-public-key-file", text(&c.JWTPublicKeyFile, ""), `file with public keys or certificates (PEM) whose tokens are accepted: RSA (RS*,
PS*), ECDSA (ES256, ES384, ES512), Ed25519 (EdDSA)`},
			{"jwt-jwks-url", text(&c.JWTJWKSURL, ""), `where an identity provider publishes such keys, as a JWK set`},
			{"jwt-issuer", text(&c.JWTIssuer, ""), `what a token's claim iss has to be; empty takes any`},
			{"jwt-audience", text(&c.JWTAudience, ""), `what a token's claim aud has to contain; empty takes any`},
			{"jwt-require-exp", toggle(&c.JWTRequireExp), `refuse tokens without an end (claim exp)`},
			{"jwt-leeway", leeway(&c.JWTLeeway, 5*time.Second), `how far the clocks of those who sign tokens may be ahead (claims nbf and iat); 0
for not at all. A token ends at its exp sharp`},
		}},
		{"Limits", []option{
			{"cors-origins", text(&c.CORSOrigins, "*"), `origins of pages that may send, like https://shop.example,https://*.shop.example;
a request that names no origin comes from no page and is let in`},
			{"allow-metrics", text(&c.AllowMetrics, ""), `names that may be written, like web.*,app.checkout.*, without prefixes; empty for all`},
			{"max-series", count(&c.MaxSeries, maxSeries), `how many series (names with their tags) may be in use within a minute: new
ones get 429 beyond; 12 bytes of memory each; 0 for any number`},
			{"rate-limit", rate(&c.RateLimit), `metrics a second that a client may send: a token's sub, else an address (of IPv6:
its /64); beyond it gets 429; 0 for any number`},
			{"rate-burst", count(&c.RateBurst, maxBurst), `metrics that a client may send at once, and so its largest batch; 0 for those of
10 seconds`},
		}},
		{"Other", []option{
			{"shutdown-timeout", seconds(&c.ShutdownTimeout, 5*time.Second),
				`time to finish requests and to send what waits, after SIGTERM or SIGINT`},
			{"verbose", toggle(&c.Verbose), `log each forwarded line and each refused request`},
			{"demo", toggle(&c.Demo), `start a built-in StatsD, send to it, print what it receives and show it on a page at /`},
			{"config", text(&c.File, ""), `file with an option a line, like "http-port 8825"`},
			{"version", toggle(&c.Version), `print the version and exit`},
		}},
	}
}

// ErrHelp is returned by Parse when --help was given.
var ErrHelp = flag.ErrHelp

// Parse reads the options from the arguments of the command line (without the
// program's name), the environment and the file that --config names. Its error
// is one line that names the option at fault.
func Parse(args []string) (*Config, error) {
	c := new(Config)
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	for _, g := range c.groups() {
		for _, o := range g.options {
			flags.Var(o.value, o.name, o.usage)
		}
	}
	// ff passes over empty variables; an empty http-host means any interface.
	if host, ok := os.LookupEnv(envPrefix + "_HTTP_HOST"); ok && host == "" {
		args = append([]string{"--http-host="}, args...)
	}
	err := ff.Parse(flags, args,
		ff.WithEnvVarPrefix(envPrefix),
		ff.WithConfigFileFlag("config"),
		ff.WithConfigFileParser(fileParser(flags)))
	if err != nil {
		return nil, shorten(err)
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if c.Version {
		return c, nil
	}
	return c, c.check()
}

// shorten leaves out what ff says before an error that tells all by itself.
func shorten(err error) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return fmt.Errorf("--config: %w", err)
	case strings.HasPrefix(err.Error(), "error parsing ") && errors.Unwrap(err) != nil:
		return errors.Unwrap(err)
	}
	return err
}

// check refuses options that do not go together.
func (c *Config) check() error {
	switch {
	case c.TLSCert != "" && c.TLSKey == "":
		return errors.New("--tls-cert is given without --tls-key")
	case c.TLSKey != "" && c.TLSCert == "":
		return errors.New("--tls-key is given without --tls-cert")
	case c.RateBurst != 0 && c.RateLimit == 0:
		return errors.New("--rate-burst is given without --rate-limit")
	case c.StatsDPort == 0:
		return errors.New("--statsd-port is 0")
	case c.usesSocket() && c.StatsDSocket == "":
		return fmt.Errorf("--statsd-network=%s is given without --statsd-socket", c.StatsDNetwork)
	case len(c.StatsDSocket) > maxSocket:
		return fmt.Errorf("--statsd-socket: %q is longer than the %d bytes of a socket's path", c.StatsDSocket, maxSocket)
	case !c.usesSocket() && c.StatsDSocket != "":
		return errors.New("--statsd-socket is given without --statsd-network=unixgram or unix")
	}
	if err := c.checkTokens(); err != nil {
		return err
	}
	if err := checkHost("statsd-host", c.StatsDHost); err != nil {
		return err
	}
	if c.HTTPHost == "" {
		return nil
	}
	return checkHost("http-host", c.HTTPHost)
}

// NeedsTokens tells whether a request needs a token.
func (c *Config) NeedsTokens() bool {
	return len(c.JWTSecrets) > 0 || c.JWTSecretFile != "" || c.JWTPublicKeyFile != "" || c.JWTJWKSURL != ""
}

// checkTokens refuses a rule for tokens where none is needed: who gives one
// does not mean to let every request in.
func (c *Config) checkTokens() error {
	rule := ""
	switch {
	case c.JWTIssuer != "":
		rule = "jwt-issuer"
	case c.JWTAudience != "":
		rule = "jwt-audience"
	case c.JWTRequireExp:
		rule = "jwt-require-exp"
	}
	if rule != "" && !c.NeedsTokens() {
		return fmt.Errorf("--%s is given without --jwt-secret, --jwt-secret-file, --jwt-public-key-file or --jwt-jwks-url", rule)
	}
	return nil
}

// checkHost refuses what can be no host: mostly a URL, or a host with a port,
// which would resolve to nothing for ever.
func checkHost(name, host string) error {
	ip, _, _ := strings.Cut(host, "%") // without the zone of fe80::1%eth0
	if host == "" || net.ParseIP(ip) == nil && strings.ContainsAny(host, ":/ \t\r\n") {
		return fmt.Errorf("--%s: %q is neither a host name nor an IP address", name, host)
	}
	return nil
}

// fileParser returns a parser for files of options, one a line: its name, then
// its value behind white space or an equals sign, in double quotes if you like.
// An option that is on or off needs no value. Empty lines and lines that start
// with a number sign are passed over.
func fileParser(flags *flag.FlagSet) ff.ConfigFileParser {
	return func(r io.Reader, set func(name, value string) error) error {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			line := strings.TrimSpace(lines.Text())
			if line == "" || line[0] == '#' {
				continue
			}
			name, value := line, ""
			i := strings.IndexAny(line, " \t=")
			if i >= 0 {
				name = line[:i]
				value = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line[i:]), "="))
			}
			name = strings.TrimLeft(name, "-")
			if i < 0 && flags.Lookup(name) != nil {
				if _, ok := flags.Lookup(name).Value.(boolValue); !ok {
					return fmt.Errorf("--config: %s has no value", name)
				}
				value = "true"
			}
			if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			if err := set(name, value); err != nil {
				return err
			}
		}
		return lines.Err()
	}
}

// maxSocket is how long the path of a socket may be, see unix(7).
const maxSocket = 107

func (c *Config) usesSocket() bool {
	return c.StatsDNetwork == "unixgram" || c.StatsDNetwork == "unix"
}

// Burst returns how many metrics a client may send at once.
func (c *Config) Burst() int {
	if c.RateBurst != 0 {
		return c.RateBurst
	}
	return int(min(max(1, 10*c.RateLimit), maxBurst))
}

// HTTPAddress returns the address to listen on.
func (c *Config) HTTPAddress() string {
	return net.JoinHostPort(c.HTTPHost, strconv.Itoa(c.HTTPPort))
}

// StatsDAddress returns the address of the StatsD server: host and port, or the
// path of its socket.
func (c *Config) StatsDAddress() string {
	if c.usesSocket() {
		return c.StatsDSocket
	}
	return net.JoinHostPort(c.StatsDHost, strconv.Itoa(c.StatsDPort))
}
