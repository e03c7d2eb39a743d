//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"

	"github.com/valyala/fasthttp"
)

// The protocols of servers and loads.
const (
	protocolHTTP1 = "http"
	protocolTLS   = "https"
	protocolHTTP2 = "h2"
)

// serveEmpty runs the empty server, which the proxy is compared with. It reads
// requests with their bodies and responds with an empty 200. It is fasthttp for
// HTTP/1.1, and net/http for HTTP/2.
func serveEmpty(protocol, address, cert, key string) error {
	handler := func(*fasthttp.RequestCtx) {}
	switch protocol {
	case protocolHTTP1:
		return fasthttp.ListenAndServe(address, handler)
	case protocolTLS:
		return fasthttp.ListenAndServeTLS(address, cert, key, handler)
	case protocolHTTP2:
		return http.ListenAndServeTLS(address, cert, key, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // an error means that the client is gone
		}))
	}
	return fmt.Errorf("the empty server does not support %q", protocol)
}
