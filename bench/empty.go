//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"

	"github.com/valyala/fasthttp"
)

// The protocols that servers are measured with.
const (
	plain  = "http"
	secure = "https"
	h2     = "h2"
)

// serveEmpty is the server that the proxy is measured against: it reads
// requests, with their bodies, and answers 200 to each. For HTTP/1.1 that is
// fasthttp as it comes, for HTTP/2 the standard library.
func serveEmpty(protocol, address, cert, key string) error {
	nothing := func(*fasthttp.RequestCtx) {}
	switch protocol {
	case plain:
		return fasthttp.ListenAndServe(address, nothing)
	case secure:
		return fasthttp.ListenAndServeTLS(address, cert, key, nothing)
	case h2:
		return http.ListenAndServeTLS(address, cert, key, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // of a client that goes away there is nothing to say
		}))
	}
	return fmt.Errorf("there is no empty server for %q", protocol)
}
