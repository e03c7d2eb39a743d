package main

import (
	"crypto/x509"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// useFallbackRoots makes the program trust Mozilla's root certificates if the machine has
// none, as the container image, so that the program can ask HTTPS servers. It takes some
// milliseconds, so it is only for programs that do.
var useFallbackRoots = sync.OnceFunc(func() { x509.SetFallbackRoots(fallbackRoots()) })

// fallbackRoots returns Mozilla's root certificates. It leaves out those that it cannot
// read.
func fallbackRoots() *x509.CertPool {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil:
		case root.Constraint != nil:
			pool.AddCertWithConstraint(certificate, root.Constraint)
		default:
			pool.AddCert(certificate)
		}
	}
	return pool
}
