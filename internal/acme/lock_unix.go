//go:build unix

package acme

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lockInterval is the time between two attempts to get the lock.
	lockInterval = 250 * time.Millisecond

	// lockTimeout is the time to wait for another proxy, which may need fetchTimeout.
	lockTimeout = fetchTimeout + time.Minute
)

// lock waits until no other proxy with the same cache gets a certificate for the domain.
// The kernel releases the lock of a process that ends. On a file system without locks,
// lock does not wait.
func (c cache) lock(ctx context.Context, name string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	file, err := os.OpenFile(c.file(name+lockSuffix), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return func() { file.Close() }, nil
		}
		select {
		case <-time.After(lockInterval):
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("wait for another proxy with the lock %s: %w", file.Name(), ctx.Err())
		}
	}
}

// checkWritable returns an error if the user cannot make files in a directory.
func checkWritable(directory string) error {
	if err := unix.Access(directory, unix.W_OK|unix.X_OK); err != nil {
		return &os.PathError{Op: "write to", Path: directory, Err: err}
	}
	return nil
}
