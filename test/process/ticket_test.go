package process

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// Two proxies share a file of ticket keys. The client has a session of one proxy and
// resumes it with the other.
func TestTLSSessionsAreResumedWithAnotherProxy(t *testing.T) {
	t.Parallel()
	cert, key := testutil.SharedCertificate(t).Write(t, t.TempDir(), "tls.crt", "tls.key")
	file := filepath.Join(t.TempDir(), "ticket-keys")
	write := func(keys ...string) {
		t.Helper()
		text := "# keys of TLS tickets\n\n"
		for _, key := range keys {
			text += key + "\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newKey := func() string {
		var key [48]byte
		_, _ = rand.Read(key[:]) // it never fails
		return base64.StdEncoding.EncodeToString(key[:])
	}
	old, current := newKey(), newKey()
	write(old)
	args := []string{"--tls-cert=" + cert, "--tls-key=" + key, "--tls-ticket-key-file=" + file}
	first, second := testutil.StartProxy(t, args...), testutil.StartProxy(t, args...)
	other := testutil.StartProxy(t, "--tls-cert="+cert, "--tls-key="+key)

	config := testutil.SharedCertificate(t).ClientConfig.Clone()
	config.ServerName = testutil.CertificateName
	connect := func(proxy *testutil.Proxy, wantResumed bool) {
		t.Helper()
		conn, err := tls.Dial("tcp", proxy.Address, config)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /heartbeat HTTP/1.1\r\nHost: proxy\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body) // the client reads a ticket with it
		if resumed := conn.ConnectionState().DidResume; resumed != wantResumed {
			t.Errorf("the session is resumed: got %t, want %t", resumed, wantResumed)
		}
	}
	forget := func() { config.ClientSessionCache = tls.NewLRUClientSessionCache(1) }
	forget()
	connect(first, false)
	connect(second, true)
	connect(first, true)
	connect(other, false)

	const reloaded = `level=INFO msg=reloaded what="the keys of TLS tickets"`
	forget()
	connect(first, false)
	write(current, old)
	first.WaitForLog(t, reloaded, 1)
	second.WaitForLog(t, reloaded, 1)
	connect(second, true) // with a ticket of the old key; the proxy sends a new one
	write(current)
	first.WaitForLog(t, reloaded, 2)
	connect(first, true)
	write(old)
	first.WaitForLog(t, reloaded, 3)
	connect(first, false)

	write("broken")
	first.WaitForLog(t, `level=ERROR msg="cannot reload, what was loaded before stays in use" what="the keys of TLS tickets"`, 1)
	connect(first, true)
}
