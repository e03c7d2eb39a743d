package config

import (
	"errors"
	"fmt"
)

// maxSocketPath is the length of the longest path of a Unix domain socket, in
// bytes, see unix(7).
const maxSocketPath = 107

// check returns an error for options that contradict each other. given holds the
// names of the options that a source sets.
func (c *Config) check(given map[string]bool) error {
	if err := c.checkACME(); err != nil {
		return err
	}
	switch {
	case c.TLSCert != "" && c.TLSKey == "":
		return errors.New("--tls-cert is given without --tls-key")
	case c.TLSKey != "" && c.TLSCert == "":
		return errors.New("--tls-key is given without --tls-cert")
	case c.TLSTicketKeyFile != "" && !c.UsesTLS():
		return errors.New("--tls-ticket-key-file is given without --tls-cert or --acme-domain")
	case c.ProxyProtocol && len(c.TrustedProxies) == 0:
		return errors.New("--proxy-protocol is given without --trusted-proxies")
	case c.RateBurst != 0 && c.RateLimit == 0:
		return errors.New("--rate-burst is given without --rate-limit")
	case c.usesSocket() && c.StatsDSocket == "":
		return fmt.Errorf("--statsd-network=%s is given without --statsd-socket", c.StatsDNetwork)
	case len(c.StatsDSocket) > maxSocketPath:
		return fmt.Errorf("invalid --statsd-socket %q: want a path of at most %d bytes", c.StatsDSocket, maxSocketPath)
	case !c.usesSocket() && c.StatsDSocket != "":
		return errors.New("--statsd-socket is given without --statsd-network=unixgram or unix")
	case c.StatsDHost == "":
		return errors.New(`invalid --statsd-host "": want a host name or an IP address`)
	}
	if c.Demo {
		for _, name := range []string{"statsd-host", "statsd-port", "statsd-network", "statsd-socket"} {
			if given[name] {
				return fmt.Errorf("--demo is given with --%s: the demo sends to a StatsD server of its own", name)
			}
		}
	}
	if !c.NeedsTokens() {
		rule := ""
		switch {
		case c.JWTIssuer != "":
			rule = "jwt-issuer"
		case c.JWTAudience != "":
			rule = "jwt-audience"
		case c.JWTRequireExp:
			rule = "jwt-require-exp"
		}
		if rule != "" {
			return fmt.Errorf("--%s is given without --jwt-secret, --jwt-secret-file, --jwt-public-key-file or --jwt-jwks-url", rule)
		}
	}
	return nil
}
