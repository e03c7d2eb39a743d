//go:build linux

package main

import (
	"github.com/valyala/fasthttp"
)

// serveEmpty is the server that the proxy is measured against: fasthttp as it
// comes. It reads requests, with their bodies, and answers 200 to each.
func serveEmpty(address string) error {
	return fasthttp.ListenAndServe(address, func(*fasthttp.RequestCtx) {})
}
