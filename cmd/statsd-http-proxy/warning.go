package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"statsd-http-proxy/internal/config"
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
