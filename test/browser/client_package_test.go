package browser

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// typedProgram is a program that uses the package and its types.
const typedProgram = `import { StatsD, type Options, type StatsDError } from 'statsd-http-proxy-client';
import { errors, navigationTiming } from 'statsd-http-proxy-client/browser';

declare const process: { argv: string[] };
const failures: StatsDError[] = [];
const options: Options = { url: process.argv[2]!, prefix: 'node.', tags: { env: 'prod' }, onError: (error) => failures.push(error) };
const statsd = new StatsD(options);
statsd.increment('up');
statsd.count('items', 5, { kind: 'book' });
const three: number = statsd.time('sync', () => 3);
const four: number = await statsd.time('async', async () => three + 1);
const cart: StatsD = statsd.child({ prefix: 'cart.' });
cart.gauge('level', -four);
// On a server these do nothing.
navigationTiming(statsd);
errors(statsd);
// @ts-expect-error a value is a number
statsd.gauge('level', 'high');
// @ts-expect-error the address is missing
new StatsD({ prefix: 'node.' });
await statsd.close();
console.log(JSON.stringify(failures.map((failure) => failure.kind)));
`

// The test packs the package, installs it into another directory without a registry,
// and runs a program there.
func TestInstalledClientPackageWorksInNode(t *testing.T) {
	t.Parallel()
	node := testutil.NeedCommand(t, "node")
	npm := testutil.NeedCommand(t, "npm")
	tsc := testutil.NeedFile(t, "client/node_modules/typescript/bin/tsc")
	dir := t.TempDir()
	run := func(dir, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		return testutil.MustRun(t, cmd)
	}

	testutil.NeedFile(t, "client/dist/index.d.ts")
	var packed []struct {
		Filename string
		Files    []struct{ Path string }
	}
	if err := json.Unmarshal([]byte(run(testutil.Path("client"), npm, "pack", "--json", "--ignore-scripts", "--pack-destination="+dir)), &packed); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range packed[0].Files {
		files = append(files, file.Path)
		if known := []string{"LICENSE", "README.md", "package.json"}; !slices.Contains(known, file.Path) && !strings.HasPrefix(file.Path, "dist/") {
			t.Errorf("the package contains %s, want only dist and %q", file.Path, known)
		}
	}
	for _, want := range strings.Fields("LICENSE README.md dist/index.js dist/index.js.map dist/index.d.ts dist/statsd.global.js dist/browser.js dist/web-vitals.js") {
		if !slices.Contains(files, want) {
			t.Errorf("the package contains %q, but no %s", files, want)
		}
	}

	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("package.json", `{"private": true, "type": "module"}`)
	run(dir, npm, "install", "--offline", "--no-audit", "--no-fund", "./"+packed[0].Filename)

	write("use.ts", typedProgram)
	run(dir, node, tsc, "--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext", "use.ts")

	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--tag-format=none")
	if got := run(dir, node, "use.js", proxy.URL); got != "[\"invalid\"]\n" {
		t.Errorf("errors that onError got: %s, want only the wrong call", got)
	}
	metrics := statsd.FlushAfter(t, proxy)
	if metrics.Counters["node.up"] != 1 || metrics.Counters["node.items"] != 5 || metrics.Gauges["node.cart.level"] != -4 ||
		len(metrics.Timers["node.sync"]) != 1 || len(metrics.Timers["node.async"]) != 1 {
		t.Errorf("metrics in StatsD: got %+v", metrics)
	}
}
