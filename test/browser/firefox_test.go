package browser

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// firefoxPreferences keep Firefox from talking to anybody but the test: all other
// addresses are behind an HTTP proxy that does not exist.
const firefoxPreferences = `
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
user_pref("network.proxy.no_proxies_on", "127.0.0.1");
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.policy.dataSubmissionPolicyBypassNotification", true);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("termsofuse.bypassNotification", true);
`

// firefoxPages are two pages. The first one sends metrics in each way that a page has,
// and leaves while the client still holds some.
var firefoxPages = map[string]string{
	"/": `<!doctype html>
<title>The first page</title>
<script>
addEventListener('error', (event) => fetch('/report', { method: 'POST', body: 'error: ' + event.message }));
addEventListener('unhandledrejection', (event) => fetch('/report', { method: 'POST', body: 'rejection: ' + event.reason }));
const report = (error) => fetch('/report', { method: 'POST', body: error.kind + ': ' + error.message, keepalive: true });
</script>
<script src="PROXY/client.js"></script>
<script type="module">
import { StatsD as Module } from 'PROXY/client.mjs';
const now = new Module({ url: 'PROXY', token: 'TOKEN', prefix: 'now', flushInterval: 0, onError: report });
now.increment('visits', { page: 'first page', city: 'Köln' });
const plain = await fetch('PROXY/gauge/plain', {
  method: 'POST', headers: { 'X-JWT-Token': 'TOKEN', 'Content-Type': 'application/json' }, body: '{"value": -5}',
});
if (plain.status !== 200) report({ kind: 'fetch', message: plain.status });
await Promise.all(Array.from({ length: BURST }, () => fetch('PROXY/count/burst', {
  method: 'POST', headers: { 'X-JWT-Token': 'TOKEN' }, body: '{"value": 1}',
})));
navigator.sendBeacon('PROXY/count/beacon?token=TOKEN', new URLSearchParams({ value: 2 }));
await now.flush();

const later = new StatsD({ url: 'PROXY', token: 'TOKEN', prefix: 'later', flushInterval: 60000, onError: report });
later.increment('clicks', 3);
later.gauge('level', -7);
later.timing('spent', 12.5);
later.set('users', 'alice bürger');
location = '/next';
</script>`,
	"/next": `<!doctype html>
<title>The next page</title>
<script src="PROXY/client.js"></script>
<script>
new StatsD({ url: 'PROXY', token: 'TOKEN', flushInterval: 0 }).increment('next');
</script>`,
}

// burst is how many requests the first page sends at once. Over HTTP/1 a browser opens up
// to six connections for them.
const burst = 20

// TestClientWorksInFirefox checks that metrics arrive, also those that the client holds
// while the page is left. Pages and proxy have different origins, and the token's header
// needs a preflight.
func TestClientWorksInFirefox(t *testing.T) {
	t.Parallel()
	const secret = "somesecret"
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret="+secret)
	visitInFirefox(t, proxy, statsd, testutil.NewToken(t, secret), "")
}

func TestClientWorksInFirefoxOverHTTP2(t *testing.T) {
	t.Parallel()
	const secret = "somesecret"
	statsd := testutil.StartFakeStatsD(t)
	admin := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	proxy := testutil.StartSecureProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret="+secret, "--admin-listen="+admin, "--http-timeout-idle=60")
	block, _ := pem.Decode(testutil.SharedCertificate(t).Cert)
	fingerprint := strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(block.Bytes)), " ", ":"), ":")
	// Firefox trusts the certificate, see CERT_OVERRIDE_FILE_NAME in its sources: host and
	// port, the OID of SHA-256, the fingerprint.
	visitInFirefox(t, proxy, statsd, testutil.NewToken(t, secret), proxy.Address+":\tOID.2.16.840.1.101.3.4.2.1\t"+fingerprint+"\t\n")

	text := testutil.MustGet(t, "http://"+admin+"/metrics")
	accepted := regexp.MustCompile(`(?m)^statsd_http_proxy_http_connections_total\{result="accepted"\} (\d+)$`).FindStringSubmatch(text)
	if accepted == nil {
		t.Fatalf("the metrics have no number of connections: %s", text)
	}
	t.Logf("%s connections", accepted[1])
	if count, err := strconv.Atoi(accepted[1]); err != nil || count > 5 {
		t.Errorf("Firefox has opened %d connections, want at most 5 with HTTP/2", count)
	}
}

// visitInFirefox visits firefoxPages and waits for their metrics. certificates is the text
// of cert_override.txt.
func visitInFirefox(t *testing.T, proxy *testutil.Proxy, statsd *testutil.FakeStatsD, token, certificates string) {
	t.Helper()
	firefox := testutil.NeedCommand(t, "firefox-esr")
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			problem, _ := io.ReadAll(r.Body)
			t.Errorf("the page reports %s", problem)
		}
		page := strings.NewReplacer("PROXY", proxy.URL, "TOKEN", token, "BURST", strconv.Itoa(burst)).Replace(firefoxPages[r.URL.Path])
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page) // the browser may have gone
	}))
	t.Cleanup(pages.Close)

	profile := t.TempDir()
	for name, text := range map[string]string{"user.js": firefoxPreferences, "cert_override.txt": certificates} {
		if err := os.WriteFile(filepath.Join(profile, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(firefox, "--headless", "--no-remote", "--profile", profile, pages.URL+"/")
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_CRASHREPORTER_DISABLE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	browser := testutil.Start(t, cmd)
	t.Cleanup(func() {
		// It has several processes, which write into the profile until they end.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		browser.Wait(t, testutil.Patience)
	})
	want := []string{
		"now.visits,city=Köln,page=first_page:1|c", "plain:0|g", "plain:-5|g", "beacon:2|c",
		"later.clicks:3|c", "later.level:0|g", "later.level:-7|g", "later.spent:12.5|ms", "later.users:alice bürger|s", "next:1|c",
	}
	want = append(want, slices.Repeat([]string{"burst:1|c"}, burst)...)
	browser.WaitReady(t, func() bool { return len(statsd.Received()) >= len(want) })
	got := statsd.Received()
	// Lines of different requests may be in any order.
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
	}
}
