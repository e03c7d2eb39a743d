package test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// proxy is a running proxy.
type proxy struct {
	*process
	address string // to reach it at
	url     string
	client  *http.Client
}

// startProxy starts the program with args on a free port.
func startProxy(t testing.TB, args ...string) *proxy {
	t.Helper()
	return startProxyCommand(t, proxyCommand(append([]string{"--http-port=0"}, args...)...))
}

// proxyCommand is a call of the program. Its environment is empty, so that no
// option comes from there.
func proxyCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = []string{}
	return cmd
}

var acceptingLine = regexp.MustCompile(`msg="accepting connections" address=(\S+) tls=(true|false) .*\n`)

// startProxyCommand starts a proxy with cmd and returns when it accepts
// connections.
func startProxyCommand(t testing.TB, cmd *exec.Cmd) *proxy {
	t.Helper()
	p := &proxy{process: start(t, cmd)}
	var line []string
	p.ready(t, func() bool {
		line = acceptingLine.FindStringSubmatch(p.stderr.String())
		return line != nil
	})
	_, port, err := net.SplitHostPort(line[1])
	if err != nil {
		t.Fatalf("the proxy logs a wrong address: %v", err)
	}
	p.address = net.JoinHostPort("127.0.0.1", port)
	p.url = "http://" + p.address
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	if line[2] == "true" {
		p.url = "https://" + p.address
		transport.TLSClientConfig = testCertificate(t).client
	}
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{Transport: transport, Timeout: patience}
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
