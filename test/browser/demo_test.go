package browser

import (
	"bytes"
	"flag"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// startDemo starts a proxy with --demo. It returns the proxy and the address of its
// built-in StatsD.
func startDemo(t *testing.T, args ...string) (p *testutil.Proxy, statsd string) {
	t.Helper()
	p = testutil.StartProxy(t, append([]string{"--demo"}, args...)...)
	var line []string
	p.WaitReady(t, func() bool {
		line = regexp.MustCompile(`msg="forwarding to statsd" address=(\S+)`).FindStringSubmatch(p.Stderr.String())
		return line != nil
	})
	return p, line[1]
}

// startWalk starts a script that walks through a page and exits.
func startWalk(t *testing.T, script string, options map[string]any) *testutil.Process {
	t.Helper()
	return testutil.Start(t, testutil.BrowserCommand(t, script, options))
}

// walkTimeout is how long a walk through a page may take.
const walkTimeout = 5 * testutil.Patience

// waitWalk waits for the end of a walk. It fails the test if the script has found a
// fault.
func waitWalk(t *testing.T, walk *testutil.Process) {
	t.Helper()
	walk.Wait(t, walkTimeout)
	if walk.Err != nil {
		t.Fatalf("the walk through the page: %v\n%s", walk.Err, &walk.Stderr)
	}
}

var update = flag.Bool("update", false, "write docs/demo.png")

// With -artifacts the test keeps screenshots. Look at them after a change of the page.
// With -update it writes the screenshot of README.md.
func TestDemoPageWorks(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "curl")
	testutil.NeedFile(t, "test/node_modules/axe-core/axe.min.js")
	for _, walk := range []string{"form", "light", "dark", "phone", "phone-dark"} {
		t.Run(walk, func(t *testing.T) {
			t.Parallel()
			dir := t.ArtifactDir()
			proxy, statsd := startDemo(t)
			waitWalk(t, startWalk(t, "demo.mjs", map[string]any{
				"walk":   walk,
				"url":    proxy.URL,
				"statsd": statsd,
				"shots":  dir,
				"update": *update,
			}))
			proxy.Stop(t)
			if *update && walk == "light" {
				updateScreenshot(t, filepath.Join(dir, "demo.png"))
			}
		})
	}
}

// updateScreenshot writes the screenshot of README.md, docs/demo.png. It compresses the
// picture better than the browser does.
func updateScreenshot(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	var compressed bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err = encoder.Encode(&compressed, picture); err == nil {
		err = os.WriteFile(testutil.Path("docs/demo.png"), compressed.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDemoPageShowsErrors(t *testing.T) {
	t.Parallel()
	proxy, _ := startDemo(t, "--jwt-secret=somesecret")
	waitWalk(t, startWalk(t, "demo-errors.mjs", map[string]any{
		"url":   proxy.URL,
		"token": testutil.NewToken(t, "somesecret"),
		"wrong": testutil.NewToken(t, "another"),
	}))
}

func TestDemoPageSurvivesAFlood(t *testing.T) {
	proxy, statsd := startDemo(t)
	walk := startWalk(t, "demo-flood.mjs", map[string]any{"url": proxy.URL, "statsd": statsd})
	waitWalk(t, walk)
	t.Logf("%s", &walk.Stdout)
}

func TestDemoPageReconnectsToARestartedProxy(t *testing.T) {
	t.Parallel()
	port := "--http-port=" + testutil.FreePort(t)
	first, _ := startDemo(t, port)
	walk := startWalk(t, "demo-restart.mjs", map[string]any{"url": first.URL})
	walk.WaitReady(t, func() bool { return walk.Stdout.String() == "live\n" })
	first.Stop(t)
	walk.WaitReady(t, func() bool { return walk.Stdout.String() == "live\nreconnecting\n" })
	startDemo(t, port)
	waitWalk(t, walk)
}

func TestProxyServesTheDemoPageOnlyWithDemo(t *testing.T) {
	t.Parallel()
	with, _ := startDemo(t)
	without := testutil.StartProxy(t)
	f := func(p *testutil.Proxy, path string, want int) {
		t.Helper()
		answer, err := p.Client.Get(p.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("GET %s: got %d, want %d", path, answer.StatusCode, want)
		}
	}
	f(with, "/", 200)
	f(with, "/demo/main.js", 200)
	f(with, "/heartbeat", 200)
	f(with, "/nothing", 404)
	f(without, "/", 404)
	f(without, "/demo/main.js", 404)
	f(without, "/demo/events", 404)
}

// The page has copies of files of npm packages and of the client.
func TestLibrariesOfTheDemoPageAreUpToDate(t *testing.T) {
	t.Parallel()
	const lib = "internal/demo/page/lib"
	testutil.NeedFile(t, "test/node_modules/uplot/package.json")
	for _, file := range []string{"dist/statsd.global.js", "node_modules/web-vitals/package.json"} {
		testutil.NeedFile(t, "client/"+file)
	}
	dir := t.TempDir()
	testutil.MustRun(t, exec.Command(testutil.Path("internal/demo/copy-lib"), dir))
	read := func(dir string) map[string]string {
		files := make(map[string]string)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			files[entry.Name()] = string(content)
		}
		return files
	}
	want, got := read(dir), read(testutil.Path(lib))
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s/%s differs from the output of make demo-lib", lib, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d files, make demo-lib makes %d", lib, len(got), len(want))
	}
}
