package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"
)

// TestProgramHasRootsOfItsOwn runs itself in an environment without root certificates, as
// in the container image.
func TestProgramHasRootsOfItsOwn(t *testing.T) {
	const absent = "/absent"
	if os.Getenv("SSL_CERT_DIR") != absent {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+absent, "SSL_CERT_DIR="+absent)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
		return
	}
	newTestApp(t, t.Output(), "--acme-domain=a.example", "--acme-cache="+t.TempDir())
	system, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	if !system.Equal(fallbackRoots()) || system.Equal(x509.NewCertPool()) {
		t.Error("the program does not trust its own root certificates")
	}
}
