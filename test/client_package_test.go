package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/test/harness"
)

// useOfClient is a program that uses the package as its types allow.
const useOfClient = `import { StatsD, type Options, type StatsDError } from 'statsd-http-proxy-client';
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
// A page that a server renders has nothing to measure there.
navigationTiming(statsd);
errors(statsd);
// @ts-expect-error a value is a number
statsd.gauge('level', 'high');
// @ts-expect-error the address is needed
new StatsD({ prefix: 'node.' });
await statsd.close();
console.log(JSON.stringify(failures.map((failure) => failure.kind)));
`

// The package is taken as its users get it: packed, installed elsewhere, with
// nothing from any registry.
func TestClientPackageWorksInNodeWhereItIsInstalled(t *testing.T) {
	node := harness.NeedCommand(t, "node")
	npm := harness.NeedCommand(t, "npm")
	tsc := clientFile(t, "node_modules/typescript/bin/tsc")
	dir := t.TempDir()
	run := func(dir, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		return harness.MustRun(t, cmd)
	}

	clientFile(t, "dist/index.d.ts")
	var packed []struct {
		Filename string
		Files    []struct{ Path string }
	}
	if err := json.Unmarshal([]byte(run("../client", npm, "pack", "--json", "--ignore-scripts", "--pack-destination="+dir)), &packed); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range packed[0].Files {
		files = append(files, file.Path)
		if known := []string{"LICENSE", "README.md", "package.json"}; !slices.Contains(known, file.Path) && !strings.HasPrefix(file.Path, "dist/") {
			t.Errorf("the package holds %s, want dist and %q alone", file.Path, known)
		}
	}
	for _, want := range strings.Fields("LICENSE README.md dist/index.js dist/index.js.map dist/index.d.ts dist/statsd.global.js dist/browser.js dist/web-vitals.js") {
		if !slices.Contains(files, want) {
			t.Errorf("the package holds %q, but no %s", files, want)
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

	write("use.ts", useOfClient)
	run(dir, node, tsc, "--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext", "use.ts")

	statsd := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--tag-format=none")
	if got := run(dir, node, "use.js", proxy.url); got != "[\"invalid\"]\n" {
		t.Errorf("what onError was told: got %s, want the wrong call alone", got)
	}
	held := statsd.heldInTheEnd(t, proxy)
	if held.Counters["node.up"] != 1 || held.Counters["node.items"] != 5 || held.Gauges["node.cart.level"] != -4 ||
		len(held.Timers["node.sync"]) != 1 || len(held.Timers["node.async"]) != 1 {
		t.Errorf("StatsD holds %+v", held)
	}
}
