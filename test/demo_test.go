package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"statsd-http-proxy/test/harness"
)

// startDemo starts a proxy with its built-in StatsD, and returns the address of
// that.
func startDemo(t *testing.T, args ...string) (p *proxy, statsd string) {
	t.Helper()
	p = startProxy(t, append([]string{"--demo"}, args...)...)
	var line []string
	p.Ready(t, func() bool {
		line = regexp.MustCompile(`msg="forwarding to statsd" address=(\S+)`).FindStringSubmatch(p.Stderr.String())
		return line != nil
	})
	return p, line[1]
}

// browse starts a script of test/browser, which ends by itself.
func browse(t *testing.T, script string, options map[string]any) *harness.Process {
	t.Helper()
	return harness.Start(t, browserCommand(t, script, options))
}

// walkPatience is how many times harness.Patience a walk through a page may take.
const walkPatience = 5

// walksWell waits for a script that walks through a page and fails where it
// finds something wrong.
func walksWell(t *testing.T, walk *harness.Process) {
	t.Helper()
	walk.Wait(t, walkPatience*harness.Patience)
	if walk.Err != nil {
		t.Fatalf("the walk through the page: %v\n%s", walk.Err, &walk.Stderr)
	}
}

// TestDemoPage keeps its screenshots where go test -artifacts wants them: have a
// look at them after a change of the page.
func TestDemoPage(t *testing.T) {
	harness.NeedCommand(t, "curl")
	needNodePackage(t, "axe-core/axe.min.js")
	proxy, statsd := startDemo(t)
	walksWell(t, browse(t, "demo.mjs", map[string]any{
		"url":    proxy.url,
		"statsd": statsd,
		"shots":  t.ArtifactDir(),
	}))
	proxy.Stop(t)
}

func TestDemoPageTellsOfRefusals(t *testing.T) {
	proxy, _ := startDemo(t, "--jwt-secret=somesecret")
	walksWell(t, browse(t, "demo-refused.mjs", map[string]any{
		"url":   proxy.url,
		"token": newToken(t, "somesecret"),
		"wrong": newToken(t, "another"),
	}))
}

func TestDemoPageOutlivesAFlood(t *testing.T) {
	proxy, statsd := startDemo(t)
	walk := browse(t, "demo-flood.mjs", map[string]any{"url": proxy.url, "statsd": statsd})
	walksWell(t, walk)
	t.Logf("%s", &walk.Stdout)
}

func TestDemoPageComesBackWithTheProxy(t *testing.T) {
	port := "--http-port=" + harness.FreePort(t)
	first, _ := startDemo(t, port)
	walk := browse(t, "demo-restart.mjs", map[string]any{"url": first.url})
	walk.Ready(t, func() bool { return walk.Stdout.String() == "live\n" })
	first.Stop(t)
	walk.Ready(t, func() bool { return walk.Stdout.String() == "live\nreconnecting\n" })
	startDemo(t, port)
	walksWell(t, walk)
}

func TestDemoPageIsServedWithDemoAlone(t *testing.T) {
	with, _ := startDemo(t)
	without := startProxy(t)
	f := func(p *proxy, path string, want int) {
		t.Helper()
		answer, err := p.client.Get(p.url + path)
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

// TestDemoLibIsWhatItComesFrom holds the page's copies of others' files to what
// the packages and the client's sources give.
func TestDemoLibIsWhatItComesFrom(t *testing.T) {
	const lib = "../internal/demo/page/lib"
	needNodePackage(t, "uplot/package.json")
	for _, file := range []string{"dist/statsd.global.js", "node_modules/web-vitals/package.json"} {
		_, err := os.Stat("../client/" + file)
		harness.Need(t, err == nil, "there is no client/"+file+", see make demo-lib")
	}
	dir := t.TempDir()
	harness.MustRun(t, exec.Command("../internal/demo/copy-lib", dir))
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
	want, got := read(dir), read(lib)
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s/%s is not what make demo-lib makes", lib, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d files, make demo-lib makes %d", lib, len(got), len(want))
	}
}
