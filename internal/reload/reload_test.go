//go:build unix

package reload

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"statsd-http-proxy/internal/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watch starts a watcher of a file, which is loaded into the string that is
// returned. "bad" cannot be loaded.
func watch(t *testing.T, file string) (*Watcher, *atomic.Value, *logtest.Buffer) {
	t.Helper()
	log := new(logtest.Buffer)
	loaded := new(atomic.Value)
	load := func() error {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if string(text) == "bad" {
			return errors.New("it is bad")
		}
		loaded.Store(string(text))
		return nil
	}
	if err := load(); err != nil {
		t.Fatal(err)
	}
	w := start(slog.New(slog.NewTextHandler(log, nil)), time.Millisecond, Source{Name: "the secret", Files: []string{file}, Load: load})
	t.Cleanup(w.Close)
	return w, loaded, log
}

// write gives a file its text at once: looks that fall between two steps would
// see an empty one.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for start := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("not so in time: %s", what)
		}
	}
}

func TestChangedFileIsLoaded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	write(t, file, "one")
	_, loaded, log := watch(t, file)
	for _, text := range []string{"two", "three"} {
		write(t, file, text)
		waitFor(t, text+" is loaded", func() bool { return loaded.Load() == text })
	}
	// What is bad, or gone, leaves the old one in use, and says so once.
	write(t, file, "bad")
	waitFor(t, "the log says so", func() bool { return strings.Contains(log.String(), `error="it is bad"`) })
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the log says so", func() bool { return strings.Contains(log.String(), "no such file") })
	if got := loaded.Load(); got != "three" {
		t.Errorf("%q is in use, want %q", got, "three")
	}
	write(t, file, "four")
	waitFor(t, "four is loaded", func() bool { return loaded.Load() == "four" })
	if got := strings.Count(log.String(), "cannot reload"); got != 2 {
		t.Errorf("%d failures are logged, want 2: %s", got, log)
	}
}

// TestMovedLinkIsFollowed updates a directory as Kubernetes does: file →
// ..data/file, ..data → a directory by date.
func TestMovedLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	for version, text := range map[string]string{"..1": "one", "..2": "two"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "secret"), text)
	}
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	link("..1", "..data")
	link("..data/secret", "secret")
	_, loaded, _ := watch(t, filepath.Join(dir, "secret"))
	link("..2", "..new")
	if err := os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "two is loaded", func() bool { return loaded.Load() == "two" })
}

func TestNowLoadsUnchangedFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	write(t, file, "one")
	w, _, log := watch(t, file)
	w.Now()
	waitFor(t, "it is loaded", func() bool { return strings.Contains(log.String(), `msg=reloaded what="the secret"`) })
}

// TestPipeIsLeftAlone has a secret in a pipe, which nobody writes to any more.
func TestPipeIsLeftAlone(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "secret")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	log := new(logtest.Buffer)
	var loads atomic.Int64
	started := make(chan *Watcher)
	go func() {
		started <- start(slog.New(slog.NewTextHandler(log, nil)), time.Millisecond, Source{
			Name: "the secret", Files: []string{pipe}, Load: func() error { loads.Add(1); return nil },
		})
	}()
	select {
	case w := <-started:
		w.Now()
		waitFor(t, "it is loaded when that is asked for", func() bool { return loads.Load() == 1 })
		w.Close()
	case <-time.After(10 * time.Second):
		t.Fatal("it is read again, which blocks")
	}
}
