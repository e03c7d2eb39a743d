package docs

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// clientSamples returns the samples of client/README.md by language, with url in place
// of the address in the samples.
func clientSamples(t *testing.T, url string) map[string][]string {
	t.Helper()
	const name = "client/README.md"
	samples := map[string][]string{}
	for _, b := range parse(name, testutil.ReadFile(t, name)).blocks {
		if b.language == "sh" {
			continue
		}
		const address = "https://metrics.example"
		if !strings.Contains(b.code, address) {
			t.Errorf("%s:%d: the sample does not contain the address %s", name, b.line, address)
		}
		samples[b.language] = append(samples[b.language], strings.ReplaceAll(b.code, address, url))
	}
	if len(samples["js"]) != 2 || len(samples["html"]) != 1 || len(samples["jsx"]) != 1 || len(samples) != 3 {
		t.Fatalf("samples in %s: got %q, want two modules, a plain script and a React component", name, samples)
	}
	return samples
}

// sampleProject returns a directory with the packages that the samples import.
func sampleProject(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "node_modules"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"statsd-http-proxy-client": testutil.NeedFile(t, "client/package.json"),
		"react":                    testutil.NeedFile(t, "test/node_modules/react/package.json"),
		"react-dom":                testutil.NeedFile(t, "test/node_modules/react-dom/package.json"),
	} {
		if err := os.Symlink(filepath.Dir(file), filepath.Join(dir, "node_modules", name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// bundle writes files into dir and returns a script: the file main with its imports.
func bundle(t *testing.T, dir, main string, files map[string]string) (script string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	testutil.NeedFile(t, "client/dist/index.js")
	cmd := exec.Command(testutil.NeedFile(t, "client/node_modules/.bin/esbuild"), main, "--bundle", "--format=esm", "--jsx=automatic", "--define:process.env.NODE_ENV=\"production\"", "--outfile=bundle.js")
	cmd.Dir = dir
	testutil.MustRun(t, cmd)
	text, err := os.ReadFile(filepath.Join(dir, "bundle.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// serveSample serves html as / and the scripts by their names.
func serveSample(t *testing.T, html string, scripts map[string]string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, text := strings.TrimPrefix(r.URL.Path, "/"), html
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if name != "" {
			if text = scripts[name]; text == "" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/javascript")
		}
		_, _ = fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// bundlePage is a page that loads only bundle.js.
const bundlePage = `<!doctype html>
<meta charset="utf-8">
<title>A sample</title>
<main>A sample</main>
<script type="module" src="bundle.js"></script>
`

// commentedCall matches a call of the client whose comment is the line for StatsD:
//
//	statsd.increment('clicks'); // shop.clicks,env=prod:1|c
var commentedCall = regexp.MustCompile(`(?m)^statsd\.\w+\(.*\); // (\S+)$`)

func TestSamplesOfTheClientRun(t *testing.T) {
	t.Parallel()
	chromium := testutil.StartChromium(t)
	start := func(t *testing.T) (statsd *testutil.FakeStatsD, samples map[string][]string) {
		t.Helper()
		statsd = testutil.StartFakeStatsD(t)
		proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
		return statsd, clientSamples(t, proxy.URL)
	}

	t.Run("the first metric", func(t *testing.T) {
		statsd, samples := start(t)
		sample := samples["js"][0]
		calls := commentedCall.FindAllStringSubmatch(sample, -1)
		if len(calls) < 2 {
			t.Fatalf("calls of the sample with a comment: got %q, want 2 or more", calls)
		}
		script := bundle(t, sampleProject(t), "main.js", map[string]string{"main.js": sample})
		page := chromium.Open(t, serveSample(t, bundlePage, map[string]string{"bundle.js": script}))
		for _, line := range calls {
			statsd.WaitFor(t, line[1])
		}
		page.MustHaveNoUncaughtErrors(t)
	})

	t.Run("a plain script", func(t *testing.T) {
		statsd, samples := start(t)
		script, err := os.ReadFile(testutil.NeedFile(t, "client/dist/statsd.global.js"))
		if err != nil {
			t.Fatal(err)
		}
		html := "<!doctype html>\n<meta charset=utf-8>\n" + samples["html"][0] + "<button>Buy</button>"
		page := chromium.Open(t, serveSample(t, html, map[string]string{"statsd.global.js": string(script)}))
		statsd.WaitFor(t, "shop.visits:1|c")
		page.Click(t, "Buy")
		statsd.WaitFor(t, "shop.clicks,tag=button:1|c")
		page.MustHaveNoUncaughtErrors(t)
	})

	t.Run("React", func(t *testing.T) {
		statsd, samples := start(t)
		script := bundle(t, sampleProject(t), "main.jsx", map[string]string{
			"sample.jsx": samples["jsx"][0],
			"main.jsx": `
				import { createRoot } from 'react-dom/client';
				import { BuyButton } from './sample.jsx';
				const root = createRoot(document.querySelector('main'));
				root.render(<BuyButton item="book" />);
				window.unmount = () => root.unmount();`,
		})
		page := chromium.Open(t, serveSample(t, bundlePage, map[string]string{"bundle.js": script}))
		page.Click(t, "Buy (0)")
		page.Click(t, "Buy (1)")
		page.RunUntil(t, "the button to know of two clicks", `return document.body.innerText.includes('Buy (2)')`)
		statsd.WaitForMatch(t, `shop\.buy\.clicks,item=book:[12]\|c`)
		page.Run(t, nil, `unmount()`)
		statsd.WaitForMatch(t, `shop\.buy\.shown,item=book:[0-9.]+\|ms`)
		page.MustHaveNoUncaughtErrors(t)
	})

	t.Run("Web Vitals, navigation and errors", func(t *testing.T) {
		statsd, samples := start(t)
		script := bundle(t, sampleProject(t), "main.js", map[string]string{"main.js": samples["js"][1]})
		page := chromium.Open(t, serveSample(t, bundlePage, map[string]string{"bundle.js": script}))
		statsd.WaitForMatch(t, `navigation\.load,type=navigate:[0-9.]+\|ms`)
		statsd.WaitForMatch(t, `web_vitals\.fcp,rating=[a-z-]+:[0-9.]+\|ms`)
		page.Run(t, nil, `setTimeout(() => { throw new TypeError('not caught') })`)
		statsd.WaitForMatch(t, `errors,kind=error,name=TypeError:1\|c`)
	})
}
