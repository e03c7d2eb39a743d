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
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"statsd-http-proxy/internal/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret is a Source that reads one file into text.
type secret struct {
	file   string
	loaded atomic.Value // string
	log    logtest.Buffer
}

func (s *secret) text() string { return s.loaded.Load().(string) }

// load reads the file. The text "bad" is an error.
func (s *secret) load() error {
	text, err := os.ReadFile(s.file)
	if err != nil {
		return err
	}
	if string(text) == "bad" {
		return errors.New("it is bad")
	}
	s.loaded.Store(string(text))
	return nil
}

// watchSecret loads a secret from file and starts a Watcher for it. It returns
// between two looks.
func watchSecret(t *testing.T, file string) (*Watcher, *secret) {
	t.Helper()
	s := &secret{file: file}
	if err := s.load(); err != nil {
		t.Fatal(err)
	}
	w := Start(slog.New(slog.NewTextHandler(&s.log, nil)), Source{Name: "the secret", Files: []string{file}, Load: s.load})
	time.Sleep(interval / 2)
	return w, s
}

// replace replaces a file atomically, so that nobody sees an empty file.
func replace(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// waitLooks waits in virtual time until the Watcher has looked n times.
func waitLooks(n int) {
	time.Sleep(time.Duration(n) * interval)
	synctest.Wait()
}

func TestChangedFileIsLoaded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	synctest.Test(t, func(t *testing.T) {
		replace(t, file, "one")
		w, s := watchSecret(t, file)
		defer w.Close()
		f := func(text string) {
			t.Helper()
			waitLooks(2)
			if s.text() != text {
				t.Errorf("%q is in use, want %q", s.text(), text)
			}
		}
		for _, text := range []string{"two", "three"} {
			replace(t, file, text)
			waitLooks(1)
			if s.text() == text {
				t.Errorf("%q is loaded after one look, want two", text)
			}
			waitLooks(1)
			if s.text() != text {
				t.Errorf("%q is in use, want %q", s.text(), text)
			}
		}
		replace(t, file, "bad")
		f("three")
		if !strings.Contains(s.log.String(), `error="it is bad"`) {
			t.Errorf("the log does not mention the bad file: %s", &s.log)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		f("three")
		if !strings.Contains(s.log.String(), "no such file") {
			t.Errorf("the log does not mention the missing file: %s", &s.log)
		}
		waitLooks(10)
		if got := strings.Count(s.log.String(), "cannot reload"); got != 2 {
			t.Errorf("%d failures are logged, want 2: %s", got, &s.log)
		}
		replace(t, file, "four")
		f("four")
		if got := strings.Count(s.log.String(), "msg=reloaded"); got != 3 {
			t.Errorf("%d reloads are logged, want 3: %s", got, &s.log)
		}
	})
}

// TestMovedLinkIsFollowed updates a file as Kubernetes does: the file is a link
// to ..data/secret, and ..data becomes a link to another directory.
func TestMovedLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for version, text := range map[string]string{"..1": "one", "..2": "two"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		replace(t, filepath.Join(dir, version, "secret"), text)
	}
	link("..1", "..data")
	link("..data/secret", "secret")
	synctest.Test(t, func(t *testing.T) {
		w, s := watchSecret(t, filepath.Join(dir, "secret"))
		defer w.Close()
		link("..2", "..new")
		if err := os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
		waitLooks(2)
		if s.text() != "two" {
			t.Errorf("%q is in use, want %q", s.text(), "two")
		}
	})
}

func TestReloadLoadsUnchangedFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	synctest.Test(t, func(t *testing.T) {
		replace(t, file, "one")
		w, s := watchSecret(t, file)
		defer w.Close()
		waitLooks(10)
		if text := s.log.String(); text != "" {
			t.Errorf("an unchanged file: log %q, want none", text)
		}
		w.Reload()
		synctest.Wait() // less than a look later
		if got := strings.Count(s.log.String(), `msg=reloaded what="the secret"`); got != 1 {
			t.Errorf("after Reload, %d reloads are logged, want 1: %s", got, &s.log)
		}
	})
}

// TestBlockedSourceDelaysNothing has one of two sources block.
func TestBlockedSourceDelaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logtest.Buffer
		unblock := make(chan struct{})
		var blocked, loaded atomic.Int64
		w := Start(slog.New(slog.NewTextHandler(&log, nil)),
			Source{Name: "blocked", Load: func() error { blocked.Add(1); <-unblock; return nil }},
			Source{Name: "other", Load: func() error { loaded.Add(1); return nil }},
		)
		for range 3 {
			w.Reload()
			synctest.Wait()
		}
		if blocked.Load() != 1 || loaded.Load() != 3 {
			t.Errorf("the blocked source is loaded %d times and the other %d times, want 1 and 3", blocked.Load(), loaded.Load())
		}
		time.Sleep(slowTimeout)
		synctest.Wait()
		if text := log.String(); strings.Count(text, "takes long") != 1 || !strings.Contains(text, "what=blocked") {
			t.Errorf("the log does not mention the blocked source once: %s", text)
		}
		start := time.Now()
		w.Close()
		if took := time.Since(start); took != closeTimeout {
			t.Errorf("Close took %s, want %s", took, closeTimeout)
		}
		close(unblock)
		synctest.Wait()
		if blocked.Load() != 1 {
			t.Error("the blocked source is loaded again after Close")
		}
	})
}

// TestPipes has a secret in a named pipe, which blocks its reader while nobody
// writes. This test runs in real time, because virtual time stands still while
// a goroutine reads.
func TestPipes(t *testing.T) {
	dir := t.TempDir()
	pipe, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "file")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	replace(t, file, "one")
	var log logtest.Buffer
	reading, loaded := make(chan struct{}), make(chan struct{})
	w := Start(slog.New(slog.NewTextHandler(&log, nil)),
		Source{Name: "pipe", Files: []string{pipe}, Load: func() error {
			close(reading)
			_, err := os.ReadFile(pipe)
			return err
		}},
		Source{Name: "file", Files: []string{file}, Load: func() error { close(loaded); return nil }},
	)
	w.Reload()
	for what, done := range map[string]chan struct{}{"pipe": reading, "file": loaded} {
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Errorf("the %s is not loaded", what)
		}
	}
	closed := make(chan struct{})
	go func() {
		w.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("Close waits for the pipe")
	}
	// A writer ends the read.
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
	w.running.Wait()
}
