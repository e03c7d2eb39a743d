package clients

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// clientOverHTTP2 is a client whose program fails if a response is not HTTP/2.
type clientOverHTTP2 struct {
	client
	needsTLS bool // it has no HTTP/2 without TLS, or only after an upgrade, or a wrong one
}

var clientsOverHTTP2 = []clientOverHTTP2{
	{client: client{language: "Go", name: "net/http", post: postHTTP2}},
	{client: client{language: "Java", name: "java.net.http", command: []string{"java", "Java.java", "HTTP/2"}, isOptional: true}, needsTLS: true},
	{client: client{language: "JavaScript", name: "node:http2", command: []string{"node", "node.mjs", "node:http2"}}},
	{client: client{language: "JavaScript", name: "got", command: []string{"node", "node.mjs", "got over HTTP/2"}}, needsTLS: true},
	// curl 7.88 cannot use a connection without TLS twice.
	{client: client{language: "PHP", name: "curl", command: []string{"php", "php.php", "curl over HTTP/2"}}, needsTLS: true},
	{client: client{language: "Python", name: "httpx", command: []string{debianPython, "python.py", "httpx over HTTP/2"}}},
	{client: client{language: "shell", name: "curl", post: postCurl}},
}

// http2Client is a client of Go that speaks only HTTP/2.
var http2Client = func() *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: &protocols}, Timeout: testutil.Patience}
}()

func postHTTP2(url, body string) (status int, err error) { return postWith(http2Client, url, body) }

func postCurl(url, body string) (status int, err error) {
	cmd := exec.Command("curl", "--silent", "--show-error", "--insecure", "--max-time", "60", "--http2-prior-knowledge", "--data-binary", "@-",
		"--output", os.DevNull, "--write-out", "%{http_version} %{http_code}", url)
	cmd.Stdin = strings.NewReader(body)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return 0, fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	code, isHTTP2 := strings.CutPrefix(string(out), "2 ")
	if !isHTTP2 {
		return 0, fmt.Errorf("curl printed %s, want HTTP/2", out)
	}
	return strconv.Atoi(code)
}

// eachOverHTTP2 runs f for each client, with TLS and without if it can.
func eachOverHTTP2(t *testing.T, f func(t *testing.T, d *driver, isSecure bool)) {
	testutil.NeedCommand(t, "curl")
	for i := range clientsOverHTTP2 {
		c := &clientsOverHTTP2[i]
		t.Run(c.language+" "+c.name, func(t *testing.T) {
			if !c.isThere(t) {
				return
			}
			d := c.start(t)
			d.waitReady(t)
			f(t, d, true)
			if !c.needsTLS {
				f(t, d, false)
			}
		})
	}
}

// startBoth starts a proxy with TLS and one without, with the same options, and returns
// the one that isSecure says.
func startBoth(t *testing.T, args ...string) func(isSecure bool) *testutil.Proxy {
	t.Helper()
	secure, plain := testutil.StartSecureProxy(t, args...), testutil.StartProxy(t, args...)
	return func(isSecure bool) *testutil.Proxy {
		if isSecure {
			return secure
		}
		return plain
	}
}

func TestClientsSendOverHTTP2(t *testing.T) {
	t.Parallel()
	const requests = 10
	statsd := testutil.StartFakeStatsD(t)
	proxy := startBoth(t, "--statsd-port="+statsd.Port, "--http-timeout-idle=75", "--http-timeout-read=30", "--http-timeout-write=30")
	var want []string
	eachOverHTTP2(t, func(t *testing.T, d *driver, isSecure bool) {
		for i := range requests {
			name := fmt.Sprintf("%s.%d.%t", strings.NewReplacer(":", "_", "/", "_", " ", "_").Replace(t.Name()), i, isSecure)
			if r := d.send(t, proxy(isSecure).URL+"/count/"+name, 0); r.status != 200 {
				t.Errorf("with TLS %t: got %d %s, want 200", isSecure, r.status, r.problem)
			}
			want = append(want, name+":1|c")
		}
	})
	for _, isSecure := range []bool{true, false} {
		proxy(isSecure).Process.Stop(t)
	}
	got := statsd.All(t)
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("StatsD received %d metrics, want %d: %s", len(got), len(want), difference(got, want))
	}
}

// A client sees why the proxy rejects its request, although it has not sent the whole body
// when the response arrives.
func TestClientsSeeOverHTTP2WhyABodyIsRejected(t *testing.T) {
	const size, times = 2 << 20, 5
	timeouts := []string{"--http-timeout-idle=75", "--http-timeout-read=30", "--http-timeout-write=30"}
	for _, test := range []struct {
		status  int
		options []string
	}{
		{401, []string{"--jwt-secret=somesecret", "--http-max-body=4MiB"}},
		{413, nil},
		{429, []string{"--rate-limit=0.001", "--rate-burst=1", "--http-max-body=4MiB"}},
	} {
		t.Run(strconv.Itoa(test.status), func(t *testing.T) {
			proxy := startBoth(t, append(timeouts, test.options...)...)
			if test.status == 429 {
				for _, isSecure := range []bool{true, false} {
					proxy(isSecure).MustSend(t, "/count/k", "value=1") // the only one that the rate allows
				}
			}
			eachOverHTTP2(t, func(t *testing.T, d *driver, isSecure bool) {
				tooSlow := 0
				for sent := 0; sent < times && tooSlow < maxTooSlow; {
					start := time.Now()
					r := d.send(t, proxy(isSecure).URL+"/count/large", size)
					spent := time.Since(start)
					switch {
					case r.status == test.status:
						sent++
					case spent < maxPause:
						sent++
						t.Errorf("with TLS %t: got %d %s, want %d", isSecure, r.status, r.problem, test.status)
					default:
						tooSlow++
						t.Logf("with TLS %t: got %d %s after %s", isSecure, r.status, r.problem, spent)
					}
				}
				if tooSlow == maxTooSlow {
					t.Errorf("with TLS %t: %d requests have failed", isSecure, tooSlow)
				}
			})
		})
	}
}

// A client that pauses while it sends the body, which a client on a busy machine may do, can
// see an error instead of the status. Such a request does not count.
const (
	maxPause   = 100 * time.Millisecond
	maxTooSlow = 20
)
