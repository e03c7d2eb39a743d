package testutil

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nginxConf is the configuration that includes the tested one. This nginx writes to its
// own directory only and runs as the user who runs the test.
const nginxConf = `
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
%s
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include tested.conf;
}
`

// StartNginx starts nginx with conf in its http block and waits until it listens on
// address. It fails the test if nginx warns about conf. nginx stops with the test.
func StartNginx(t testing.TB, address, conf string) {
	t.Helper()
	program := NeedCommand(t, "nginx")
	dir := t.TempDir()
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // by default nginx would switch to the user nobody
	}
	for name, content := range map[string]string{
		"tested.conf": conf,
		"nginx.conf":  fmt.Sprintf(nginxConf, user),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-e", "stderr", "-p", dir, "-c", "nginx.conf"}
	code, stdout, stderr := RunToEnd(t, exec.Command(program, append(args, "-t")...))
	if code != 0 || strings.Contains(stderr, "[warn]") {
		t.Fatalf("nginx -t: got exit code %d, want 0 and no warning\n%s%s", code, stdout, stderr)
	}
	nginx := Start(t, exec.Command(program, args...))
	t.Cleanup(func() { nginx.Stop(t) })
	nginx.WaitReady(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}
