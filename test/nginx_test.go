package test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/test/harness"
)

const (
	nginxConf = "../deploy/nginx/statsd-http-proxy.conf"
	nginxName = "statsd-proxy.example.com" // the server's name in it
)

// nginxHTTP is what surrounds the shipped configuration: an nginx that leaves
// the system alone and runs as whoever runs the test.
const nginxHTTP = `
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
    include statsd-http-proxy.conf;
}
`

// idleTimes returns the proxy's --http-timeout-idle and nginx's
// keepalive_timeout for upstreams, in seconds, as the shipped configuration
// gives them.
func idleTimes(t *testing.T, conf string) (proxy, nginx int) {
	t.Helper()
	find := func(pattern string) int {
		all := regexp.MustCompile(pattern).FindAllStringSubmatch(conf, -1)
		if len(all) != 1 {
			t.Fatalf("%s: got %d matches of %q, want 1", nginxConf, len(all), pattern)
		}
		seconds, err := strconv.Atoi(all[0][1])
		if err != nil {
			t.Fatal(err)
		}
		return seconds
	}
	return find(`--http-timeout-idle=(\d+)`), find(`(?m)^ *keepalive_timeout (\d+)s;`)
}

func readNginxConf(t *testing.T) string {
	t.Helper()
	conf, err := os.ReadFile(nginxConf)
	if err != nil {
		t.Fatal(err)
	}
	return string(conf)
}

func TestProxyKeepsConnectionsLongerThanNginx(t *testing.T) {
	if proxy, nginx := idleTimes(t, readNginxConf(t)); proxy <= nginx {
		t.Errorf("%s: got an idle time of %d s for the proxy, want more than nginx's %d s", nginxConf, proxy, nginx)
	}
}

// startNginx starts nginx with the shipped configuration in front of the two
// upstreams and returns a client whose every connection leads to it.
func startNginx(t *testing.T, upstreams [2]string) *http.Client {
	t.Helper()
	program := harness.NeedCommand(t, "nginx")
	dir := t.TempDir()
	address := net.JoinHostPort("127.0.0.1", harness.FreePort(t))
	cert, key := testCertificate(t).write(t, dir, "ssl.crt", "ssl.key")

	// Only what belongs to the machine is replaced.
	conf := readNginxConf(t)
	for _, replace := range []struct{ printed, real string }{
		{"listen 443 ", "listen " + address + " "},
		{"server statsd-proxy-1:8825 ", "server " + upstreams[0] + " "},
		{"server statsd-proxy-2:8825 ", "server " + upstreams[1] + " "},
		{"/etc/pki/nginx/ssl.crt;", cert + ";"},
		{"/etc/pki/nginx/ssl.key;", key + ";"},
	} {
		if got := strings.Count(conf, replace.printed); got != 1 {
			t.Fatalf("%s: got %q %d times, want it once", nginxConf, replace.printed, got)
		}
		conf = strings.Replace(conf, replace.printed, replace.real, 1)
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // else it would look for a user of its own
	}
	for name, content := range map[string]string{
		"statsd-http-proxy.conf": conf,
		"nginx.conf":             fmt.Sprintf(nginxHTTP, user),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	args := []string{"-e", "stderr", "-p", dir, "-c", "nginx.conf"}
	code, stdout, stderr := harness.RunToEnd(t, exec.Command(program, append(args, "-t")...))
	if code != 0 || strings.Contains(stderr, "[warn]") {
		t.Fatalf("nginx -t: got exit code %d, want 0 and no warning\n%s%s", code, stdout, stderr)
	}
	nginx := harness.Start(t, exec.Command(program, args...))
	t.Cleanup(func() { nginx.Stop(t) })
	nginx.Ready(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})

	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   testCertificate(t).client.Clone(), // which the transport changes
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: harness.Patience}
}

func TestNginxServesTwoProxiesOverTLSAndHTTP2(t *testing.T) {
	statsd := startReceiver(t)
	idle, _ := idleTimes(t, readNginxConf(t))
	var relays [2]*relay
	for i := range relays {
		proxy := startProxy(t, "--statsd-port="+statsd.port, fmt.Sprintf("--http-timeout-idle=%d", idle),
			fmt.Sprintf("--metric-prefix=proxy%d", i+1))
		relays[i] = startRelay(t, proxy.Address)
	}
	client := startNginx(t, [2]string{relays[0].address, relays[1].address})

	sent := 0
	send := func() {
		t.Helper()
		sent++
		response, err := client.Post(fmt.Sprintf("https://%s/count/request.%d", nginxName, sent),
			"application/json", strings.NewReader(`{"value": 1}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
			t.Fatalf("request %d: got status %d over %s, want 200 over HTTP/2.0", sent, response.StatusCode, response.Proto)
		}
	}

	// One request at a time needs one connection to each proxy.
	for range 100 {
		send()
	}
	for i, relay := range relays {
		if got := relay.accepted.Load(); got != 1 {
			t.Errorf("connections to proxy %d for 50 requests: got %d, want 1", i+1, got)
		}
	}

	// They outlast a pause that the proxy's default idle time of 1 second would
	// end, so no request can meet a connection that is being closed.
	pause := time.After(1500 * time.Millisecond)
	select {
	case <-relays[0].closed:
		t.Errorf("the connection to proxy 1 was closed while idle")
	case <-relays[1].closed:
		t.Errorf("the connection to proxy 2 was closed while idle")
	case <-pause:
	}
	for range 20 {
		send()
	}
	for i, relay := range relays {
		if got := relay.accepted.Load(); got != 1 {
			t.Errorf("connections to proxy %d after the pause: got %d, want 1 still", i+1, got)
		}
	}

	// nginx takes turns, so each request shows once, half of them by each proxy.
	harness.Eventually(t, "the lines of all requests", func() bool { return len(statsd.received()) >= sent })
	got := map[string]bool{}
	var by [2]int
	for _, line := range statsd.all(t) {
		prefix, name, _ := strings.Cut(line, ".")
		got[name] = true
		by[0] += strings.Count(prefix, "proxy1")
		by[1] += strings.Count(prefix, "proxy2")
	}
	for i := 1; i <= sent; i++ {
		if want := fmt.Sprintf("request.%d:1|c", i); !got[want] {
			t.Errorf("the line %q has not arrived", want)
		}
	}
	if want := [2]int{sent / 2, sent / 2}; by != want {
		t.Errorf("requests forwarded by each proxy: got %v, want %v", by, want)
	}
}

func TestNginxServesManyRequestsAtOnce(t *testing.T) {
	statsd := startReceiver(t)
	idle, _ := idleTimes(t, readNginxConf(t))
	var upstreams [2]string
	for i := range upstreams {
		proxy := startProxy(t, "--statsd-port="+statsd.port, fmt.Sprintf("--http-timeout-idle=%d", idle),
			"--jwt-secret=somesecret")
		upstreams[i] = proxy.Address
	}
	client := startNginx(t, upstreams)
	token := newToken(t, "somesecret")

	const clients, each = 8, 50
	var running sync.WaitGroup
	for c := range clients {
		running.Go(func() {
			for i := range each {
				url := fmt.Sprintf("https://%s/count/a%%20b/%d.%d", nginxName, c, i)
				status, answer, err := post(client, url, `{"value": 1}`, "X-JWT-Token", token)
				if err != nil || status != http.StatusOK {
					t.Errorf("POST %s: got %d %q %v, want 200", url, status, answer, err)
					return
				}
			}
		})
	}
	running.Wait()
	harness.Eventually(t, "the lines of all requests", func() bool { return len(statsd.received()) >= clients*each })
	got := map[string]bool{}
	for _, line := range statsd.all(t) {
		got[line] = true
	}
	for c := range clients {
		for i := range each {
			if want := fmt.Sprintf("a_b/%d.%d:1|c", c, i); !got[want] {
				t.Errorf("the line %q has not arrived", want)
			}
		}
	}
}

func TestNginxPassesRefusalsOn(t *testing.T) {
	proxy := startProxy(t, "--jwt-secret=somesecret")
	client := startNginx(t, [2]string{proxy.Address, proxy.Address})
	base := "https://" + nginxName
	token := newToken(t, "somesecret")
	for _, request := range []struct {
		path, body, token string
		status            int
		error             string
	}{
		{"/count/name", `{"value": 1}`, "", 401, "token"},
		{"/count/name", `{"value": 1}`, "a.b.c", 403, "token"},
		{"/count/name", `{"value": "one"}`, token, 400, "value"},
		{"/count/name//", `{"value": 1}`, token, 400, "name"},
		{"/meter/name", `{"value": 1}`, token, 404, "meter"},
	} {
		status, answer, err := post(client, base+request.path, request.body,
			"X-JWT-Token", request.token, "Origin", "https://page.example.com")
		if err != nil || status != request.status || !strings.Contains(answer, request.error) {
			t.Errorf("POST %s with %s: got %d %q %v, want %d and a word on %q",
				request.path, request.body, status, answer, err, request.status, request.error)
		}
	}
}
