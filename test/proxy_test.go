package test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"statsd-http-proxy/test/harness"
)

// proxy is a running proxy.
type proxy struct {
	*harness.Proxy
	url    string
	client *http.Client
}

// startProxy starts the program with args on a free port.
func startProxy(t testing.TB, args ...string) *proxy {
	t.Helper()
	return startProxyCommand(t, harness.ProxyCommand(append([]string{"--http-port=0"}, args...)...))
}

// startProxyCommand starts a proxy with cmd and returns when it accepts
// connections.
func startProxyCommand(t testing.TB, cmd *exec.Cmd) *proxy {
	t.Helper()
	p := &proxy{Proxy: harness.StartProxy(t, cmd)}
	p.url = "http://" + p.Address
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	if p.TLS {
		p.url = "https://" + p.Address
		transport.TLSClientConfig = testCertificate(t).client.Clone()
	}
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{Transport: transport, Timeout: harness.Patience}
	return p
}

// send posts body to path, where header lists names and values in turn, and
// returns the answer's status and body.
func (p *proxy) send(t testing.TB, path, body string, header ...string) (status int, answer string) {
	t.Helper()
	status, answer, err := post(p.client, p.url+path, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

// mustSend sends a metric that has to be accepted.
func (p *proxy) mustSend(t testing.TB, path, body string, header ...string) {
	t.Helper()
	if status, answer := p.send(t, path, body, header...); status != http.StatusOK || answer != "" {
		t.Fatalf("POST %s with %q: got %d %q, want 200 and no body", path, body, status, answer)
	}
}

// mustTake sends a batch, all of whose entries have to be accepted.
func (p *proxy) mustTake(t testing.TB, batch string, entries int, header ...string) {
	t.Helper()
	want := fmt.Sprintf(`{"accepted":%d,"rejected":[]}`, entries)
	if status, answer := p.send(t, "/batch", batch, header...); status != http.StatusOK || answer != want {
		t.Fatalf("POST /batch with %.200q: got %d %s, want 200 %s", batch, status, answer, want)
	}
}

func post(client *http.Client, url, body string, header ...string) (status int, answer string, err error) {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var text bytes.Buffer
	_, err = io.Copy(&text, response.Body)
	return response.StatusCode, text.String(), err
}
