package admin

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketFileIsReplacedIfNobodyListens(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "admin.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if _, err := Listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "--admin-listen") {
		t.Errorf("a socket in use: got %v, want an error with a hint", err)
	}
	stale.Close()
	f := newFixture()
	_, client := f.start(t, "unix:"+path, new(Readiness))
	if status, body := get(t, client, "http://admin/livez"); status != 200 || body != "ok" {
		t.Errorf("got %d %q, want 200 ok", status, body)
	}
	if err := Check("unix:" + path); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix:" + file); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file that is not a socket: got %v, want an error that says so", err)
	}
}

func TestAddressInUseIsAnError(t *testing.T) {
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if _, err := Listen(listener.Addr().String()); err == nil || !strings.HasPrefix(err.Error(), "listen on the admin address \""+listener.Addr().String()+`": `) ||
		!strings.Contains(err.Error(), "choose another address with --admin-listen") {
		t.Errorf("got %v", err)
	}
}
