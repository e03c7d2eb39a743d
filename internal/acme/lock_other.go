//go:build !unix

package acme

import "context"

// lock does nothing: on this system, proxies cannot share a cache.
func (c cache) lock(context.Context, string) (unlock func(), err error) { return func() {}, nil }

// checkWritable does nothing: the start checks whether files can be written.
func checkWritable(string) error { return nil }
