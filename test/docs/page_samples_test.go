package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// Samples for pages have one of these addresses of the proxy, and this token.
var (
	proxyAddresses = []string{"http://127.0.0.1:8825", "http://127.0.0.1:8080"}
	sampleToken    = "some-jwt-token"
)

var (
	// sentPath matches a URL that sends a metric. The group is the name.
	sentPath = regexp.MustCompile(`/(?:count|gauge|timing|set)/([\w./-]+)`)
	// sentCall matches a call of the client. The group is the name.
	sentCall = regexp.MustCompile(`\bstatsd\.\w+\('([\w./-]+)'`)
)

// Each sample in JavaScript or HTML has to send the metrics that it names. A page clicks
// its buttons. jQuery is there for samples in JavaScript.
func TestSamplesForPagesSendTheirMetrics(t *testing.T) {
	t.Parallel()
	blocks := append(blocksOf(manual(t), "js"), blocksOf(manual(t), "html")...)
	if len(blocks) == 0 {
		t.Fatal("the manual has no samples for pages")
	}
	chromium := testutil.StartChromium(t)
	for _, b := range blocks {
		statsd := testutil.StartFakeStatsD(t)
		args := []string{"--statsd-port=" + statsd.Port}
		code := b.code
		if strings.Contains(code, sampleToken) {
			args = append(args, "--jwt-secret=somesecret")
			code = strings.ReplaceAll(code, sampleToken, testutil.NewToken(t, "somesecret"))
		}
		proxy := testutil.StartProxy(t, args...)
		for _, address := range proxyAddresses {
			code = strings.ReplaceAll(code, address, proxy.URL)
		}
		if !strings.Contains(code, proxy.URL) {
			t.Errorf("%s:%d: the sample contains none of %q", b.page, b.line, proxyAddresses)
			continue
		}
		tab := chromium.Open(t, servePage(t, b.language, code))
		tab.Run(t, nil, `document.querySelectorAll('button').forEach((button) => button.click())`)
		names := append(sentPath.FindAllStringSubmatch(code, -1), sentCall.FindAllStringSubmatch(code, -1)...)
		if len(names) == 0 {
			t.Errorf("%s:%d: the sample names no metric", b.page, b.line)
		}
		for _, name := range names {
			statsd.WaitForMatch(t, regexp.QuoteMeta(name[1])+`[,:].*`)
		}
		tab.MustHaveNoUncaughtErrors(t)
		proxy.Stop(t)
	}
}

// servePage serves a sample in HTML as it is, and a sample in JavaScript in a page that
// has jQuery. A sample that imports is bundled.
func servePage(t *testing.T, language, code string) (url string) {
	t.Helper()
	if language == "html" {
		return serveSample(t, code, nil)
	}
	if strings.Contains(code, "import ") {
		script := bundle(t, sampleProject(t), "main.js", map[string]string{"main.js": code})
		return serveSample(t, bundlePage, map[string]string{"bundle.js": script})
	}
	jquery, err := os.ReadFile(testutil.NeedFile(t, "test/node_modules/jquery/dist/jquery.js"))
	if err != nil {
		t.Fatal(err)
	}
	const page = "<!doctype html>\n<title>A sample</title>\n<script src=jquery.js></script>\n<script src=sample.js></script>\n"
	return serveSample(t, page, map[string]string{"jquery.js": string(jquery), "sample.js": code})
}
