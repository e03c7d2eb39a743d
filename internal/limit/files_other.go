//go:build !unix

package limit

// DefaultMaxConns returns 0, which means no limit: this system does not limit the
// number of open connections.
func DefaultMaxConns() int { return 0 }
