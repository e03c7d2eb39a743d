package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/limit"
)

// configuredAddress returns the address to listen on if --http-host is an address or
// empty, or else nil.
func configuredAddress(c *config.Config) net.Addr {
	if c.HTTPHost == "" {
		return &net.TCPAddr{IP: net.IPv6unspecified, Port: c.HTTPPort}
	}
	ip, err := netip.ParseAddr(c.HTTPHost)
	if err != nil {
		return nil
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(c.HTTPPort)))
}

// longTimeout is the time from which a timeout of slow clients is probably a mistake: it
// was meant in milliseconds.
const longTimeout = 5 * time.Minute

// optionWarnings returns warnings about options that are valid but probably mistakes.
// They contain no secret.
func optionWarnings(c *config.Config) (warnings []string) {
	for _, secret := range c.JWTSecrets {
		switch {
		case strings.TrimSpace(secret) != secret:
			warnings = append(warnings, "--jwt-secret has blanks or line feeds at its ends, which are a part of the secret")
		case len(secret) > 1 && (secret[0] == '"' || secret[0] == '\'') && secret[len(secret)-1] == secret[0]:
			warnings = append(warnings, "--jwt-secret has quotation marks around it, which are a part of the secret")
		}
	}
	if u, err := url.Parse(c.JWTJWKSURL); err == nil && u.Scheme == "http" {
		warnings = append(warnings, "--jwt-jwks-url is not https: whoever controls the network can replace the keys")
	}
	for _, timeout := range []struct {
		option string
		time   time.Duration
	}{
		{"--http-timeout-read", c.HTTPTimeoutRead},
		{"--http-timeout-write", c.HTTPTimeoutWrite},
	} {
		if timeout.time >= longTimeout {
			warnings = append(warnings, fmt.Sprintf("%s is %s, for which a slow client can hold a connection; a number without a unit is in seconds", timeout.option, timeout.time))
		}
	}
	if most := limit.DefaultMaxConns(); most > 0 && c.MaxConns > most {
		warnings = append(warnings, fmt.Sprintf("--max-conns is %d, but the limit of file descriptors (RLIMIT_NOFILE) has room for %d connections: raise that limit or lower --max-conns", c.MaxConns, most))
	}
	return warnings
}

// publicWarning returns a warning if other hosts can reach the listener and the
// options do not restrict what they can do, or "".
func publicWarning(c *config.Config, listener net.Addr) string {
	if address, ok := listener.(*net.TCPAddr); !ok || address.IP.IsLoopback() {
		return ""
	}
	var problems []string
	if !c.NeedsTokens() && slices.Equal(c.CORSOrigins, []string{"*"}) {
		problems = append(problems, "anyone can send metrics: set --jwt-secret-file (tokens) or --cors-origins (pages)")
	}
	if c.MetricPrefix == "" {
		problems = append(problems, "clients can write any metric name of the StatsD server: set --metric-prefix")
	}
	if c.Demo {
		problems = append(problems, "anyone can read all metrics on the demo page: leave out --demo")
	}
	if len(problems) == 0 {
		return ""
	}
	return fmt.Sprintf("other hosts can reach %s; %s", listener, strings.Join(problems, "; "))
}
