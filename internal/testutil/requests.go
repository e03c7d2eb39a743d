package testutil

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Post posts body to url and returns the status and the body of the response.
// header lists names and values of headers in turn.
func Post(client *http.Client, url, body string, header ...string) (status int, answer string, err error) {
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
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// getClient gives up when a test would.
var getClient = http.Client{Timeout: Patience}

// Get returns the status and the body of the response to a GET request.
func Get(url string) (status int, body string, err error) {
	response, err := getClient.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// MustGet returns the body of the response to a GET request. It fails the test unless the
// status is 200.
func MustGet(t testing.TB, url string) (body string) {
	t.Helper()
	status, body, err := Get(url)
	if err != nil || status != http.StatusOK {
		t.Fatalf("GET %s: got %d %.300s, %v, want 200", url, status, body, err)
	}
	return body
}

// Send posts body to path on the proxy, see Post.
func (p *Proxy) Send(t testing.TB, path, body string, header ...string) (status int, answer string) {
	t.Helper()
	status, answer, err := Post(p.Client, p.URL+path, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

// MustSend sends a metric and fails the test unless the proxy accepts it.
func (p *Proxy) MustSend(t testing.TB, path, body string, header ...string) {
	t.Helper()
	if status, answer := p.Send(t, path, body, header...); status != http.StatusOK || answer != "" {
		t.Fatalf("POST %s with %q: got %d %q, want 200 and no body", path, body, status, answer)
	}
}

// MustSendBatch sends a batch and fails the test unless the proxy accepts all of
// its entries.
func (p *Proxy) MustSendBatch(t testing.TB, batch string, entries int, header ...string) {
	t.Helper()
	want := fmt.Sprintf(`{"accepted":%d,"rejected":[]}`, entries)
	if status, answer := p.Send(t, "/batch", batch, header...); status != http.StatusOK || answer != want {
		t.Fatalf("POST /batch with %.200q: got %d %s, want 200 %s", batch, status, answer, want)
	}
}

// MustReject sends a metric and fails the test unless the proxy answers with the
// status and with a text that contains word.
func (p *Proxy) MustReject(t testing.TB, path, body string, status int, word string, header ...string) {
	t.Helper()
	if got, answer := p.Send(t, path, body, header...); got != status || !strings.Contains(answer, word) {
		t.Errorf("POST %s with %.60q: got %d %s, want %d and %q in the answer", path, body, got, answer, status, word)
	}
}
