package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/test/harness"
)

// fencedBlock matches a block of code and what language it is in.
var fencedBlock = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// clientSamples returns the samples of the client's README, by their language
// and in order, with url in place of the printed address.
func clientSamples(t *testing.T, url string) map[string][]string {
	t.Helper()
	readme, err := os.ReadFile(clientFile(t, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string][]string{}
	for _, block := range fencedBlock.FindAllStringSubmatch(string(readme), -1) {
		language, code := block[1], block[2]
		if language == "sh" {
			continue
		}
		const printed = "https://metrics.example"
		if !strings.Contains(code, printed) {
			t.Errorf("a sample does not name the address %s: %s", printed, code)
		}
		samples[language] = append(samples[language], strings.ReplaceAll(code, printed, url))
	}
	if len(samples["js"]) != 2 || len(samples["html"]) != 1 || len(samples["jsx"]) != 1 || len(samples) != 3 {
		t.Fatalf("samples in the README: got %q, want two modules, a plain script and a React component", samples)
	}
	return samples
}

// sampleProject is a folder with the packages that the samples import.
func sampleProject(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "node_modules"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"statsd-http-proxy-client": clientFile(t, "package.json"),
		"react":                    needNodePackage(t, "react/package.json"),
		"react-dom":                needNodePackage(t, "react-dom/package.json"),
	} {
		if err := os.Symlink(filepath.Dir(file), filepath.Join(dir, "node_modules", name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// bundle writes files into dir and bundles the one that is called main.
func bundle(t *testing.T, dir, main string, files map[string]string) (script string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	clientFile(t, "dist/index.js")
	cmd := exec.Command(clientFile(t, "node_modules/.bin/esbuild"), main, "--bundle", "--format=esm", "--jsx=automatic", "--define:process.env.NODE_ENV=\"production\"", "--outfile=bundle.js")
	cmd.Dir = dir
	harness.MustRun(t, cmd)
	text, err := os.ReadFile(filepath.Join(dir, "bundle.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// serveSample serves html and beside it the scripts by their names.
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

// bundlePage is a page whose only script is a bundle.
const bundlePage = `<!doctype html>
<meta charset="utf-8">
<title>A sample of the README</title>
<main>A sample of the README</main>
<script type="module" src="bundle.js"></script>
`

// waitForMatch waits until a line matches want.
func (r *receiver) waitForMatch(t *testing.T, want string) {
	t.Helper()
	pattern := regexp.MustCompile("^" + want + "$")
	harness.Eventually(t, "a line like "+want, func() bool {
		return slices.ContainsFunc(r.received(), pattern.MatchString)
	})
}

// printedLine matches a call of a sample that says which line comes of it:
//
//	statsd.increment('clicks'); // shop.clicks,env=prod:1|c
var printedLine = regexp.MustCompile(`(?m)^statsd\.\w+\(.*\); // (\S+)$`)

func TestClientSamplesOfTheReadmeRun(t *testing.T) {
	chromium := startChromium(t)
	start := func(t *testing.T) (statsd *receiver, samples map[string][]string) {
		t.Helper()
		statsd = startReceiver(t)
		proxy := startProxy(t, "--statsd-port="+statsd.port)
		return statsd, clientSamples(t, proxy.url)
	}

	t.Run("the first metric", func(t *testing.T) {
		statsd, samples := start(t)
		sample := samples["js"][0]
		printed := printedLine.FindAllStringSubmatch(sample, -1)
		if len(printed) < 2 {
			t.Fatalf("lines that the sample says it sends: got %q, want 2 or more", printed)
		}
		script := bundle(t, sampleProject(t), "main.js", map[string]string{"main.js": sample})
		page := chromium.open(t, serveSample(t, bundlePage, map[string]string{"bundle.js": script}))
		for _, line := range printed {
			statsd.waitFor(t, line[1])
		}
		page.mustBeQuiet(t)
	})

	t.Run("a plain script", func(t *testing.T) {
		statsd, samples := start(t)
		script, err := os.ReadFile(clientFile(t, "dist/statsd.global.js"))
		if err != nil {
			t.Fatal(err)
		}
		html := "<!doctype html>\n<meta charset=utf-8>\n" + samples["html"][0] + "<button>Buy</button>"
		page := chromium.open(t, serveSample(t, html, map[string]string{"statsd.global.js": string(script)}))
		statsd.waitFor(t, "shop.visits:1|c")
		page.click(t, "Buy")
		statsd.waitFor(t, "shop.clicks,tag=button:1|c")
		page.mustBeQuiet(t)
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
		page := chromium.open(t, serveSample(t, bundlePage, map[string]string{"bundle.js": script}))
		page.click(t, "Buy (0)")
		page.click(t, "Buy (1)")
		page.runUntil(t, "the button to know of two clicks", `return document.body.innerText.includes('Buy (2)')`)
		statsd.waitForMatch(t, `shop\.buy\.clicks,item=book:[12]\|c`)
		page.run(t, nil, `unmount()`)
		statsd.waitForMatch(t, `shop\.buy\.shown,item=book:[0-9.]+\|ms`)
		page.mustBeQuiet(t)
	})

	t.Run("Web Vitals, navigation and errors", func(t *testing.T) {
		statsd, samples := start(t)
		script := bundle(t, sampleProject(t), "main.js", map[string]string{"main.js": samples["js"][1]})
		page := chromium.open(t, serveSample(t, bundlePage, map[string]string{"bundle.js": script}))
		statsd.waitForMatch(t, `navigation\.load,type=navigate:[0-9.]+\|ms`)
		statsd.waitForMatch(t, `web_vitals\.fcp,rating=[a-z-]+:[0-9.]+\|ms`)
		page.run(t, nil, `setTimeout(() => { throw new TypeError('not caught') })`)
		statsd.waitForMatch(t, `errors,kind=error,name=TypeError:1\|c`)
	})
}
