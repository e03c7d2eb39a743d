package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// The longest names and labels of hosts (RFC 1035, section 2.3.4).
const (
	maxHostName  = 253
	maxHostLabel = 63
)

// domains accepts host names that an ACME server can check, separated by commas.
func domains() kind {
	names := list("DOMAINS")
	parse := names.parse
	names.parse = func(s string) (any, error) {
		words, err := parse(s)
		if err != nil {
			return nil, err
		}
		for _, name := range words.([]string) {
			if err := checkDomain(name); err != nil {
				return nil, err
			}
		}
		return words, nil
	}
	return names
}

var errDomain = errors.New("want a host name with its domain, such as metrics.shop.example")

// checkDomain returns an error unless a name is a host name in the form in which TLS
// clients send it: in lower case, in ASCII, without a dot at the end.
func checkDomain(name string) error {
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return errors.New("want a host name instead of an address: clients that connect to an address send no name")
	}
	if host, port, err := net.SplitHostPort(name); err == nil && isNumber(port) {
		return fmt.Errorf("want a host name without a port, such as %s; give the port as --http-port=%s", host, port)
	}
	if strings.ContainsAny(name, ":/") {
		return errors.New("want only the host name of the URL, such as metrics.shop.example")
	}
	if strings.Contains(name, "*") {
		return errors.New("want each host name in full: an ACME server does not check names with asterisks over TLS")
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil || len(ascii) > maxHostName {
		return errDomain
	}
	labels := strings.Split(ascii, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxHostLabel || len(labels) < 2 {
			return errDomain
		}
	}
	if ascii != name {
		return fmt.Errorf("want it as clients send it: %s", ascii)
	}
	return nil
}

// email accepts an address without the name of its owner.
func email() kind {
	return kind{name: "EMAIL", parse: func(s string) (any, error) {
		if address, err := mail.ParseAddress(s); err != nil || address.Address != s {
			return nil, errors.New("want an address such as ops@shop.example")
		}
		return s, nil
	}}
}

// acmeDirectory accepts the URL of an ACME server. Without TLS, others on the way could
// obtain certificates, so http is for servers on this machine only.
func acmeDirectory() kind {
	return kind{name: urlName, parse: func(s string) (any, error) {
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "":
			return nil, errors.New("want a URL such as https://acme.example/directory")
		case u.Scheme == "http" && !IsLoopback(u.Hostname()):
			return nil, errors.New("want a URL that begins with https://")
		}
		return s, nil
	}}
}

// IsLoopback reports whether a host, a name or an address, is this machine.
func IsLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// checkACME returns an error for options of ACME that contradict others.
func (c *Config) checkACME() error {
	if len(c.ACMEDomains) == 0 {
		switch {
		case c.ACMECache != "":
			return errors.New("--acme-cache is given without --acme-domain")
		case c.ACMEEmail != "":
			return errors.New("--acme-email is given without --acme-domain")
		case c.ACMEDirectory != "":
			return errors.New("--acme-directory is given without --acme-domain")
		}
		return nil
	}
	if c.TLSCert != "" || c.TLSKey != "" {
		return errors.New("--acme-domain is given with --tls-cert or --tls-key: the certificate comes either from files or from an ACME server")
	}
	return nil
}
