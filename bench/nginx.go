//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// findNginx returns the path of nginx, or an empty string. Debian installs it where
// a user's PATH may not look.
func findNginx() string {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// nginxConfFile is the name of the configuration in its directory.
const nginxConfFile = "nginx.conf"

// nginxConf responds to every request with an empty 200 and discards its body. It
// allows the TLS version that the other servers choose. Connections stay open for any
// number of requests.
const nginxConf = `%s
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 1000000000;
    keepalive_time 1d;
    ssl_protocols TLSv1.3;
    ssl_certificate %s;
    ssl_certificate_key %s;
    server {
        listen %s%s;
        return 200;
    }
}
`

// writeNginxConf writes the configuration of an nginx that listens on a port of the
// loopback interface. It returns the directory of the file, a new one in b.dir.
func (b *bench) writeNginxConf(protocol string, port int) (dir string, err error) {
	if dir, err = os.MkdirTemp(b.dir, "nginx-"); err != nil {
		return "", err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // by default the worker could not use the directory
	}
	parameters := map[string]string{protocolHTTP1: "", protocolTLS: " ssl", protocolHTTP2: " ssl http2"}[protocol]
	conf := fmt.Sprintf(nginxConf, user, b.cert, b.key, address(port), parameters)
	return dir, os.WriteFile(filepath.Join(dir, nginxConfFile), []byte(conf), 0o600)
}
