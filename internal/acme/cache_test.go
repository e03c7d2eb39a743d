package acme

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServersHaveDirectoriesOfTheirOwn(t *testing.T) {
	f := func(server, want string) {
		t.Helper()
		if got := serverName(server); got != want {
			t.Errorf("%s: got %q, want %q", server, got, want)
		}
	}
	f(LetsEncrypt, "acme-v02.api.letsencrypt.org-directory")
	f("https://127.0.0.1:14000/dir", "127.0.0.1-14000-dir")
	f("https://[::1]:14000/dir/", "---1--14000-dir")
	f("https://acme.example/../../etc?x=/y", "acme.example-..-..-etc")
}

func check(dir string) error {
	return (&Options{Cache: dir, Directory: LetsEncrypt}).Check()
}

func TestCacheIsForTheUserOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := check(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the check has made the directory")
	}
	c := newCache(dir, LetsEncrypt)
	if err := c.create(); err != nil {
		t.Fatal(err)
	}
	if err := c.put(t.Context(), "file", nil); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, c.directory: 0o700, c.file("file"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want the mode %o", path, info.Mode(), err, want)
		}
	}
	if err := check(dir); err != nil {
		t.Error(err)
	}
}

func TestCacheThatCannotBeWrittenIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(dir string) {
		t.Helper()
		for _, err := range []error{check(dir), newCache(dir, LetsEncrypt).create()} {
			if err == nil || !strings.Contains(err.Error(), "--acme-cache") || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: got %v, want an error with the directory and the option", dir, err)
			}
		}
	}
	f(file)
	f(filepath.Join(file, "acme"))
	if os.Geteuid() != 0 { // root may write everywhere
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		f(dir)
	}
}

// TestDamagedAccountKeyIsFound compares the check with what a fetch reports.
func TestDamagedAccountKeyIsFound(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Cache: filepath.Join(dir, "none"), Directory: LetsEncrypt}
	if err := o.CheckAccount(); err != nil {
		t.Errorf("without a cache: got %v", err)
	}
	o.Cache = dir
	c := newCache(dir, LetsEncrypt)
	if err := o.CheckAccount(); err != nil {
		t.Errorf("without a key: got %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("the check has made %v, %v", files, err)
	}
	if err := c.create(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.accountKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := o.CheckAccount(); err != nil {
		t.Errorf("with a key: got %v", err)
	}
	good, err := os.ReadFile(c.file(accountFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "nonsense", string(good[:len(good)/2]), strings.Replace(string(good), "M", "N", 1)} {
		if err := c.put(t.Context(), accountFile, []byte(text)); err != nil {
			t.Fatal(err)
		}
		_, want := c.accountKey(t.Context())
		if err := o.CheckAccount(); err == nil || want == nil || err.Error() != want.Error() || !strings.Contains(err.Error(), c.file(accountFile)) {
			t.Errorf("%q: got %v, want %v with the file", text, err, want)
		}
	}
}

func TestDefaultCache(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "/var/lib/proxy:/var/lib/other")
	if got, err := DefaultCache(); err != nil || got != "/var/lib/proxy/acme" {
		t.Errorf("got %q, %v, want the first directory of systemd", got, err)
	}
	t.Setenv("STATE_DIRECTORY", "")
	if os.Geteuid() == 0 {
		if got, err := DefaultCache(); err != nil || got != "/var/lib/statsd-http-proxy/acme" {
			t.Errorf("root: got %q, %v", got, err)
		}
		return
	}
	t.Setenv("HOME", "/home/proxy")
	t.Setenv("XDG_CACHE_HOME", "")
	if got, err := DefaultCache(); err != nil || !strings.HasSuffix(got, "/statsd-http-proxy/acme") {
		t.Errorf("got %q, %v, want a directory of the user", got, err)
	}
	t.Setenv("HOME", "")
	if got, err := DefaultCache(); err == nil {
		t.Errorf("without a home directory: got %q, want an error", got)
	}
}
