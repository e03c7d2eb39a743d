// Package reload keeps what was read from files up to date: certificates and
// secrets are replaced on disk while the program runs.
package reload

import (
	"crypto/sha256"
	"log/slog"
	"os"
	"sync"
	"time"
)

// interval is how often files are looked at. They are small and few, and what
// they hold is compared, not their times: so that a link which is moved to
// another directory (as Kubernetes updates its volumes) counts as well, on any
// file system.
const interval = time.Second

// Source is something that was read from files.
type Source struct {
	Name  string   // for the log
	Files []string // what it is read from
	// Load reads the files again and puts what it finds to use. On an error
	// what was read before stays in use.
	Load func() error
}

// Watcher loads sources again when their files change.
type Watcher struct {
	log     *slog.Logger
	sources []*watched
	now     chan struct{}
	stop    chan struct{}
	done    sync.WaitGroup
}

// watched is a source with what is known of its files.
type watched struct {
	Source
	loaded fingerprint // when it was loaded last, well or not
	seen   fingerprint // at the last look
}

type fingerprint [sha256.Size]byte

// Start returns a Watcher of sources that were loaded just now. Its goroutine
// ends with Close.
func Start(log *slog.Logger, sources ...Source) *Watcher {
	return start(log, interval, sources...)
}

func start(log *slog.Logger, interval time.Duration, sources ...Source) *Watcher {
	w := &Watcher{log: log, now: make(chan struct{}, 1), stop: make(chan struct{})}
	for _, s := range sources {
		f := fingerprintOf(s.Files)
		w.sources = append(w.sources, &watched{Source: s, loaded: f, seen: f})
	}
	w.done.Go(func() { w.run(interval) })
	return w
}

// Now loads all sources again, whether their files have changed or not. It
// does not wait for that.
func (w *Watcher) Now() {
	select {
	case w.now <- struct{}{}:
	default:
	}
}

// Close ends the watch, and returns when it has ended.
func (w *Watcher) Close() {
	close(w.stop)
	w.done.Wait()
}

func (w *Watcher) run(interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, s := range w.sources {
				w.check(s)
			}
		case <-w.now:
			for _, s := range w.sources {
				w.load(s, fingerprintOf(s.Files))
			}
		case <-w.stop:
			return
		}
	}
}

// check loads s if its files have changed and look the same twice: a
// certificate is often written a moment before its key.
func (w *Watcher) check(s *watched) {
	f := fingerprintOf(s.Files)
	isStill := f == s.seen
	s.seen = f
	if isStill && f != s.loaded {
		w.load(s, f)
	}
}

func (w *Watcher) load(s *watched, f fingerprint) {
	s.loaded, s.seen = f, f
	if err := s.Load(); err != nil {
		w.log.Error("cannot reload, what was loaded before stays in use", "what", s.Name, "error", err)
		return
	}
	w.log.Info("reloaded", "what", s.Name)
}

// fingerprintOf returns a hash of what files hold. One that cannot be read has
// its error for its contents. What is no file, a pipe for one, can be read once
// only and has none.
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
