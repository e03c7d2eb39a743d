//go:build unix

package limit

import (
	"math"

	"golang.org/x/sys/unix"
)

// reservedFiles is the number of file descriptors that DefaultMaxConns leaves for
// everything but client connections: standard streams, listeners and epoll;
// connections to StatsD servers and their health checks; DNS lookups; files of
// certificates and secrets; connections to the admin listener. Without them the
// proxy could not reconnect to StatsD while many clients are connected.
const reservedFiles = 64

// DefaultMaxConns returns the number of client connections that this process can
// have open without using up its file descriptors (RLIMIT_NOFILE). It returns 0,
// which means no limit, if the number of file descriptors is not limited.
func DefaultMaxConns() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return maxConnsFor(uint64(limit.Cur))
}

// maxConnsFor returns the number of client connections for a number of file
// descriptors. If there are few descriptors, half of them are reserved.
func maxConnsFor(files uint64) int {
	if files > math.MaxInt32 { // RLIM_INFINITY, or beyond what any kernel allows
		return 0
	}
	return max(1, int(files-min(reservedFiles, files/2)))
}
