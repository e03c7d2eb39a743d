// Package reload reloads certificates and secrets when their files change on
// disk.
package reload

import (
	"crypto/sha256"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// interval is the time between two checks of the files. Each check compares
	// the contents of the files, which are small and few, and not their times. This
	// detects every kind of change on every file system, for example a symbolic link
	// that now points to another directory (Kubernetes updates volumes in this way).
	interval = time.Second

	// slowTimeout is the time after which the log mentions a read that has not
	// ended.
	slowTimeout = 10 * time.Second

	// closeTimeout bounds Close. It is short, because the program ends then.
	closeTimeout = 100 * time.Millisecond
)

// Source is something that is loaded from files.
type Source struct {
	Name  string   // for the log
	Files []string // the files that Load reads

	// Load reads the files and puts their contents to use. If it returns an
	// error, the previous contents must stay in use. It may block.
	Load func() error
}

// Watcher reloads sources when their files change. Each source has a goroutine
// of its own: a file that blocks (a named pipe, or a file on an NFS server that
// does not respond) delays neither the other sources nor Close.
type Watcher struct {
	log     *slog.Logger
	sources []*watchedSource
	stop    chan struct{} // closed by Close
	running sync.WaitGroup
}

// watchedSource is a Source with the state of its files. Only its goroutine uses
// the fingerprints.
type watchedSource struct {
	Source
	reload chan struct{} // buffered: holds a request of Reload
	loaded fingerprint   // of the files at the last call of Load, even if that failed
	seen   fingerprint   // of the files at the last check
}

// fingerprint is a hash of the contents of files.
type fingerprint [sha256.Size]byte

// Start starts a Watcher for sources that have just been loaded. A changed file
// takes effect within about two seconds: it must have the same contents twice,
// because a certificate is often written a moment before its key. The caller
// must call Close.
func Start(log *slog.Logger, sources ...Source) *Watcher {
	w := &Watcher{log: log, stop: make(chan struct{})}
	for _, s := range sources {
		f := fingerprintOf(s.Files)
		w.sources = append(w.sources, &watchedSource{Source: s, reload: make(chan struct{}, 1), loaded: f, seen: f})
	}
	for _, s := range w.sources {
		w.running.Go(func() { w.watch(s) })
	}
	return w
}

// Reload loads all sources, whether or not their files have changed. It does not
// wait for that.
func (w *Watcher) Reload() {
	for _, s := range w.sources {
		select {
		case s.reload <- struct{}{}:
		default: // a request is pending
		}
	}
}

// Close stops the Watcher and waits until no source is being loaded, but for at
// most 0.1 s: a Load that blocks longer may end after Close.
func (w *Watcher) Close() {
	close(w.stop)
	stopped := make(chan struct{})
	go func() {
		w.running.Wait()
		close(stopped)
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-stopped:
	case <-timer.C:
	}
}

// watch reloads s until Close.
func (w *Watcher) watch(s *watchedSource) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		isForced := false
		select {
		case <-ticker.C:
		case <-s.reload:
			isForced = true
		case <-w.stop:
			return
		}
		slow := time.AfterFunc(slowTimeout, func() {
			w.log.Warn("reading files takes long, what was loaded before stays in use", "what", s.Name, "files", s.Files)
		})
		w.reloadIfChanged(s, isForced)
		slow.Stop()
	}
}

// reloadIfChanged loads s if its files have changed since they were loaded, and have not
// changed since the last check. If isForced is true, it loads s in any case.
func (w *Watcher) reloadIfChanged(s *watchedSource, isForced bool) {
	f := fingerprintOf(s.Files)
	isStable := f == s.seen
	s.seen = f
	if !isForced && (!isStable || f == s.loaded) {
		return
	}
	select {
	case <-w.stop: // Close has not waited for fingerprintOf
		return
	default:
	}
	s.loaded = f
	if err := s.Load(); err != nil {
		w.log.Error("cannot reload, what was loaded before stays in use", "what", s.Name, "error", err)
		return
	}
	w.log.Info("reloaded", "what", s.Name)
}

// fingerprintOf returns a hash of the contents of files. For a file that cannot
// be read, it hashes the error instead. It does not read files that are not
// regular: the contents of a pipe can be read only once.
func fingerprintOf(files []string) fingerprint {
	var all []byte
	for _, file := range files {
		var data []byte
		info, err := os.Stat(file)
		if err == nil && info.Mode().IsRegular() {
			data, err = os.ReadFile(file)
		}
		if err != nil {
			data = []byte(err.Error())
		}
		sum := sha256.Sum256(data)
		all = append(all, sum[:]...)
	}
	return sha256.Sum256(all)
}
