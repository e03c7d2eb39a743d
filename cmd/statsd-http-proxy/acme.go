package main

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strings"

	"statsd-http-proxy/internal/acme"
	"statsd-http-proxy/internal/admin"
	"statsd-http-proxy/internal/config"
)

// acmeOptions returns the settings for certificates by ACME, or nil without
// --acme-domain. It checks the directory of certificates, but writes nothing.
func acmeOptions(c *config.Config) (*acme.Options, error) {
	if len(c.ACMEDomains) == 0 {
		return nil, nil
	}
	cache := c.ACMECache
	if cache == "" {
		var err error
		if cache, err = acme.DefaultCache(); err != nil {
			return nil, usageError{err}
		}
	}
	o := &acme.Options{
		Domains:   c.ACMEDomains,
		Cache:     cache,
		Email:     c.ACMEEmail,
		Directory: cmp.Or(c.ACMEDirectory, acme.LetsEncrypt),
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	return o, nil
}

// accountWarning returns a warning if the key of the account cannot be used, or "". The
// proxy can serve the certificates that it has, but not renew them.
func accountWarning(o *acme.Options) string {
	if o == nil {
		return ""
	}
	if err := o.CheckAccount(); err != nil {
		return err.Error()
	}
	return ""
}

// openACME loads the certificates that a former run has left in the cache.
func (a *app) openACME() (err error) {
	if a.acmeOptions == nil {
		return nil
	}
	o := *a.acmeOptions
	o.Logger = a.log
	o.Fetched = func(err error) { a.reloads.Count(admin.FileTLS, err) }
	a.acme, err = acme.Open(o)
	return err
}

// startACME begins to get certificates. The ACME server connects to the public listener
// for that, so it must be served.
func (a *app) startACME() error {
	if a.acme != nil {
		a.acme.Start()
	}
	return nil
}

func (a *app) stopACME() {
	if a.acme != nil {
		a.acme.Close()
	}
}

// acmeWarning returns a warning if the ACME server cannot reach the listener, or "". A
// load balancer may pass its connections on, to any port but that of HTTP.
func acmeWarning(o *acme.Options, listener net.Addr) string {
	if o == nil {
		return ""
	}
	address, ok := listener.(*net.TCPAddr)
	if !ok {
		return ""
	}
	if server, err := url.Parse(o.Directory); err == nil && config.IsLoopback(server.Hostname()) {
		return ""
	}
	domains := strings.Join(o.Domains, ", ")
	switch {
	case address.IP.IsLoopback():
		return fmt.Sprintf("only this machine can reach %s, but the ACME server must connect to port 443 of %s: set --http-host= --http-port=443", listener, domains)
	case address.Port == httpPort:
		return fmt.Sprintf("%s has the port of HTTP, but the ACME server must connect to port 443 of %s: set --http-port=443", listener, domains)
	}
	return ""
}

// httpPort is the port of HTTP, and the default of --http-port.
const httpPort = 80
