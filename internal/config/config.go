// Package config defines every option of the program once: its name, default,
// help text and check. An option is set by a flag, an environment variable or a
// line of the configuration file, in this order of precedence.
package config

import (
	"net"
	"strconv"
	"time"
)

// Config holds the value of each option. The tag of a field is the name of its
// option; the table in options.go says what it means.
type Config struct {
	HTTPHost         string        `option:"http-host"` // empty for all interfaces
	HTTPPort         int           `option:"http-port"` // 0 for a free port
	HTTPTimeoutRead  time.Duration `option:"http-timeout-read"`
	HTTPTimeoutWrite time.Duration `option:"http-timeout-write"`
	HTTPTimeoutIdle  time.Duration `option:"http-timeout-idle"`
	HTTPMaxBody      int           `option:"http-max-body"`    // in bytes
	MaxConns         int           `option:"max-conns"`        // 0 for no limit, or AutoMaxConns
	MaxConnsPerIP    int           `option:"max-conns-per-ip"` // 0 for no limit
	TrustedProxies   []string      `option:"trusted-proxies"`
	ProxyProtocol    bool          `option:"proxy-protocol"`

	ServeClient bool `option:"serve-client"`

	TLSCert             string        `option:"tls-cert"`
	TLSKey              string        `option:"tls-key"`
	TLSTicketKeyFile    string        `option:"tls-ticket-key-file"`
	TLSTimeoutHandshake time.Duration `option:"tls-timeout-handshake"`

	ACMEDomains   []string `option:"acme-domain"` // nil for no certificate by ACME
	ACMECache     string   `option:"acme-cache"`  // empty for the default
	ACMEEmail     string   `option:"acme-email"`
	ACMEDirectory string   `option:"acme-directory"` // empty for Let's Encrypt

	StatsDHost            string        `option:"statsd-host"`
	StatsDPort            int           `option:"statsd-port"`
	StatsDNetwork         string        `option:"statsd-network"`
	StatsDSocket          string        `option:"statsd-socket"`
	StatsDFlavor          string        `option:"statsd-flavor"`       // none for an unknown server
	StatsDMaxDatagram     int           `option:"statsd-max-datagram"` // in bytes; 0 for the default of the network
	StatsDBuffer          int           `option:"statsd-buffer"`       // in bytes
	StatsDResolveInterval time.Duration `option:"statsd-resolve-interval"`

	MetricPrefix string   `option:"metric-prefix"`
	TagFormat    string   `option:"tag-format"` // empty for that of the flavor
	Tags         []string `option:"tags"`
	NameFormat   string   `option:"name-format"`
	Lowercase    bool     `option:"lowercase"`
	Histograms   bool     `option:"histograms"`

	JWTSecrets       []string      `option:"jwt-secret"`
	JWTSecretFile    string        `option:"jwt-secret-file"`
	JWTPublicKeyFile string        `option:"jwt-public-key-file"`
	JWTJWKSURL       string        `option:"jwt-jwks-url"`
	JWTIssuer        string        `option:"jwt-issuer"`
	JWTAudience      string        `option:"jwt-audience"`
	JWTRequireExp    bool          `option:"jwt-require-exp"`
	JWTLeeway        time.Duration `option:"jwt-leeway"`

	CORSOrigins  []string `option:"cors-origins"`
	AllowMetrics []string `option:"allow-metrics"` // nil for all
	DenyMetrics  []string `option:"deny-metrics"`  // nil for none
	AllowTags    []string `option:"allow-tags"`    // nil for all
	MaxTagKeys   int      `option:"max-tag-keys"`  // 0 for no limit
	MaxSeries    int      `option:"max-series"`    // 0 for no limit
	RateLimit    float64  `option:"rate-limit"`    // metrics per second; 0 for no limit
	RateBurst    int      `option:"rate-burst"`    // 0 for the metrics of ten seconds

	AdminListen        string        `option:"admin-listen"`         // HOST:PORT or unix:PATH; empty for none
	ReadyStatsDTimeout time.Duration `option:"ready-statsd-timeout"` // 0 for any time
	SelfMetrics        string        `option:"self-metrics"`         // prefix; empty for none
	LogFormat          string        `option:"log-format"`
	LogLevel           string        `option:"log-level"`
	Verbose            bool          `option:"verbose"`

	ShutdownDelay   time.Duration `option:"shutdown-delay"`
	ShutdownTimeout time.Duration `option:"shutdown-timeout"`
	Demo            bool          `option:"demo"`
	File            string        `option:"config"`
	CheckConfig     bool          `option:"check-config"`
	Help            bool          `option:"help"`
	Version         bool          `option:"version"`

	// Warnings are problems that do not stop the program, a sentence each. They
	// are about variables that are ignored and never contain their values.
	Warnings []string
}

// AutoMaxConns is the MaxConns that follows from the limit of file descriptors.
const AutoMaxConns = -1

// NeedsTokens reports whether metric requests need a token.
func (c *Config) NeedsTokens() bool {
	return len(c.JWTSecrets) > 0 || c.JWTSecretFile != "" || c.JWTPublicKeyFile != "" || c.JWTJWKSURL != ""
}

// UsesTLS reports whether the proxy serves HTTPS.
func (c *Config) UsesTLS() bool { return c.TLSCert != "" || len(c.ACMEDomains) > 0 }

// HTTPAddress returns the address to listen on, as net.Listen takes it.
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

// IsStream reports whether StatsD is reached over a stream rather than by
// datagrams.
func (c *Config) IsStream() bool {
	return c.StatsDNetwork == "tcp" || c.StatsDNetwork == "unix"
}

// usesSocket reports whether StatsD is reached through a Unix domain socket.
func (c *Config) usesSocket() bool {
	return c.StatsDNetwork == "unixgram" || c.StatsDNetwork == "unix"
}
