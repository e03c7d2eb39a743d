package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

const tokensPage = "docs/tokens.md"

// signers are the programs that run the samples that sign tokens, by the language of
// the sample. The samples need no libraries.
var signers = map[string]struct {
	program []string
	file    string
}{
	"mjs":    {[]string{"node"}, "sign.mjs"},
	"python": {[]string{"python3"}, "sign.py"},
	"php":    {[]string{"php"}, "sign.php"},
	"go":     {[]string{"go", "run"}, "sign.go"},
}

// newSecret returns a secret of the command secret.
func newSecret(t *testing.T) string {
	t.Helper()
	return strings.TrimSuffix(testutil.MustRun(t, testutil.ProxyCommand(t, "secret")), "\n")
}

// Each sample prints a token. The proxy accepts it for the names that the sample says,
// until it expires.
func TestSamplesSignTokens(t *testing.T) {
	t.Parallel()
	secret := newSecret(t)
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret="+secret, "--jwt-require-exp")
	for language, signer := range signers {
		blocks := blocksOf([]page{parse(tokensPage, testutil.ReadFile(t, tokensPage))}, language)
		if len(blocks) != 1 {
			t.Errorf("%s: got %d samples in the language %s, want 1", tokensPage, len(blocks), language)
			continue
		}
		t.Run(language, func(t *testing.T) {
			program := testutil.NeedCommand(t, signer.program[0])
			file := filepath.Join(t.TempDir(), signer.file)
			if err := os.WriteFile(file, []byte(blocks[0].code), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, append(signer.program[1:], file)...)
			cmd.Env = append(os.Environ(), "METRICS_SECRET="+secret)
			// A token works with blanks and line feeds around it.
			token := testutil.MustRun(t, cmd)
			proxy.MustSend(t, "/count/web."+language+"?token="+strings.ReplaceAll(token, "\n", "%0A"), "value=1")
			statsd.WaitFor(t, "web."+language+":1|c")
			proxy.MustReject(t, "/count/other", "value=1", 403, "other", "X-JWT-Token", strings.TrimSpace(token))
		})
	}
	proxy.Stop(t)
}

// The page fetches a new token when the proxy refuses the one in the page.
func TestSamplePageRenewsItsToken(t *testing.T) {
	t.Parallel()
	const secret, address = "somesecret", "http://127.0.0.1:8825"
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret="+secret)
	for _, b := range blocksOf([]page{parse(tokensPage, testutil.ReadFile(t, tokensPage))}, "html") {
		code := strings.ReplaceAll(b.code, address, proxy.URL)
		code = strings.ReplaceAll(code, sampleToken, testutil.NewToken(t, "an old secret"))
		url := serveSample(t, code, map[string]string{"metrics-token": testutil.NewToken(t, secret) + "\n"})
		tab := testutil.StartChromium(t).Open(t, url)
		statsd.WaitFor(t, "web.visits:1|c")
		tab.MustHaveNoUncaughtErrors(t)
	}
	proxy.Stop(t)
	if got := statsd.All(t); len(got) != 1 {
		t.Errorf("lines that StatsD received: got %q, want one", got)
	}
}

// weakSecret is in samples. It is too short, which each page with such a sample says.
func TestPagesSayThatTheirSecretIsWeak(t *testing.T) {
	t.Parallel()
	const weakSecret = "somesecret"
	count := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if !strings.Contains(b.code, weakSecret) {
				continue
			}
			count++
			if !strings.Contains(p.prose, "`"+weakSecret+"` stands for") {
				t.Errorf("%s:%d: the sample has a weak secret, and the page does not say that it stands for another", p.name, b.line)
			}
		}
	}
	if count == 0 {
		t.Error("no page has a sample with a secret")
	}
}
