package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// servedClientPage loads the client from the proxy, as a script and as a module.
const servedClientPage = `<!doctype html>
<title>A page with the proxy's client</title>
<script src="PROXY/client.js" defer onload="statsd = new StatsD({ url: 'PROXY' }); statsd.increment('script')"></script>
<script type="module">
import { StatsD } from 'PROXY/client.mjs';
const statsd = new StatsD({ url: 'PROXY' });
statsd.increment('module');
</script>
<button onclick="statsd.increment('clicks')">Click</button>
`

func TestPagesLoadTheClientFromTheProxy(t *testing.T) {
	t.Parallel()
	chromium := testutil.StartChromium(t)
	f := func(name string, start func(testing.TB, ...string) *testutil.Proxy, version string) {
		t.Run(name, func(t *testing.T) {
			statsd := testutil.StartFakeStatsD(t)
			proxy := start(t, "--statsd-port="+statsd.Port)
			page := chromium.Open(t, serveClient(t, strings.ReplaceAll(servedClientPage, "PROXY", proxy.URL)))
			page.Click(t, "Click")
			for _, metric := range []string{"script", "module", "clicks"} {
				statsd.WaitFor(t, metric+":1|c")
			}
			page.MustHaveNoUncaughtErrors(t)

			// The proxy's own page sees how its files arrived.
			own := chromium.Open(t, proxy.URL+"/heartbeat")
			var got struct{ Protocol, Second string }
			own.Run(t, &got, `
				await import('/client.mjs');
				const tag = document.head.appendChild(document.createElement('script'));
				await new Promise((resolve, reject) => { tag.onload = resolve; tag.onerror = reject; tag.src = '/client.js'; });
				const again = await fetch('/client.js', { cache: 'reload' });
				const { byteLength } = await again.arrayBuffer();
				const entry = performance.getEntriesByName(location.origin + '/client.js').at(-1);
				return { protocol: entry.nextHopProtocol, second: again.status + ' ' + byteLength + ' ' + typeof StatsD };`)
			script := testutil.ReadFile(t, "internal/browserclient/files/client.js")
			if want := "200 " + strconv.Itoa(len(script)) + " function"; got.Protocol != version || got.Second != want {
				t.Errorf("got %+v, want the protocol %s and %s", got, version, want)
			}
			proxy.Stop(t)
		})
	}
	f("HTTP/1", testutil.StartProxy, "http/1.1")
	f("HTTP/2", testutil.StartSecureProxy, "h2")
}

// A page whose metrics are rejected can load the client, which then says why.
func TestPagesOfOtherOriginsLoadTheClient(t *testing.T) {
	t.Parallel()
	chromium := testutil.StartChromium(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+testutil.StartSink(t), "--cors-origins=https://shop.example")
	page := chromium.Open(t, serveClient(t, "<!doctype html>\n<title>A page of another origin</title>\n"))
	var kind string
	page.Run(t, &kind, `
		const { StatsD } = await import('`+proxy.URL+`/client.mjs');
		return new Promise((resolve) => {
			const statsd = new StatsD({ url: '`+proxy.URL+`', flushInterval: 0, onError: (error) => resolve(error.kind) });
			statsd.increment('foreign');
		});`)
	if kind != "retry" { // browsers hide the response
		t.Errorf("onError got the kind %q, want retry", kind)
	}
}

func TestServedClientIsUpToDate(t *testing.T) {
	t.Parallel()
	const files = "internal/browserclient/files"
	testutil.NeedFile(t, "client/dist/statsd.global.js")
	dir := t.TempDir()
	testutil.MustRun(t, exec.Command(testutil.Path("internal/browserclient/copy-client"), dir))
	want, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadDir(testutil.Path(files))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d files, make client makes %d", files, len(got), len(want))
	}
	for _, entry := range want {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != testutil.ReadFile(t, files+"/"+entry.Name()) {
			t.Errorf("%s/%s differs from the output of make client", files, entry.Name())
		}
	}
}

// typedPage uses the types that the proxy serves: those of the module and of the script.
var typedPage = map[string]string{
	"module.ts": `import { StatsD, type Options, type StatsDClient } from './client.mjs';
const options: Options = { url: 'https://metrics.example' };
const statsd: StatsDClient = new StatsD(options);
statsd.increment('clicks', { page: 'home' });
// @ts-expect-error the address is missing
new StatsD({});
`,
	"script.ts": `const statsd: StatsD = new StatsD({ url: 'https://metrics.example' });
statsd.timing('load', 320);
// @ts-expect-error a value is a number
statsd.gauge('level', 'high');
`,
}

func TestServedTypesFitTheClient(t *testing.T) {
	t.Parallel()
	node := testutil.NeedCommand(t, "node")
	tsc := testutil.NeedFile(t, "client/node_modules/typescript/bin/tsc")
	proxy := testutil.StartProxy(t, "--statsd-port="+testutil.StartSink(t))
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range typedPage {
		write(name, text)
	}
	for _, name := range []string{"client.d.ts", "client.d.mts"} {
		write(name, testutil.MustGet(t, proxy.URL+"/"+name))
	}
	for _, options := range []string{"--module nodenext", "--module esnext --moduleResolution bundler"} {
		args := append([]string{tsc, "--noEmit", "--strict", "--target", "es2022"}, strings.Fields(options)...)
		cmd := exec.Command(node, append(args, "module.ts", "script.ts", "client.d.ts")...)
		cmd.Dir = dir
		testutil.MustRun(t, cmd)
	}
}
