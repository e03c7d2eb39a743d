package servers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// flavor is a row of the first table in docs/statsd-servers.md.
type flavor struct {
	name      string
	tagFormat string
	types     []string // besides count, gauge and timing
	hasOption bool     // histograms and distributions need --histograms
	hasShift  bool
	negative  []string // the lines that set the gauge name to -5
	counts    string   // the line with the counts 1 and 2, or empty
	timings   string   // the line with the timings 1 and 2, or empty
}

// moreTypes are the types that only some servers have.
var moreTypes = []string{"set", "histogram", "distribution"}

// code matches code in Markdown.
var code = regexp.MustCompile("`([^`]*)`")

// readFlavors returns the rows of the table of flavors.
func readFlavors(t *testing.T) []flavor {
	t.Helper()
	text := strings.ReplaceAll(testutil.ReadFile(t, "docs/statsd-servers.md"), `\|`, "\x00")
	_, table, ok := strings.Cut(text, "\n| `--statsd-flavor` |")
	if !ok {
		t.Fatal("docs/statsd-servers.md has no table of flavors")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var flavors []flavor
	for _, row := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(row, " | ")
		if len(cells) != 7 {
			t.Fatalf("the table of flavors has the row %q, want 7 cells", row)
		}
		codes := func(cell int) (all []string) {
			for _, match := range code.FindAllStringSubmatch(cells[cell], -1) {
				all = append(all, strings.ReplaceAll(match[1], "\x00", "|"))
			}
			return all
		}
		types, others, _ := strings.Cut(cells[3], ";")
		f := flavor{
			name: codes(0)[0], tagFormat: codes(2)[0],
			hasOption: strings.Contains(others, "--histograms"), hasShift: cells[4] == "yes",
			negative: codes(5),
		}
		for _, line := range codes(6) {
			f.timings = strings.ReplaceAll(line, "|c", "|ms")
			if strings.HasSuffix(line, "|c") {
				f.counts = line
			}
		}
		for _, kind := range moreTypes {
			if strings.Contains(types, kind) {
				f.types = append(f.types, kind)
			}
		}
		flavors = append(flavors, f)
	}
	return flavors
}

// readTagFormats returns the lines in the table of tag formats, by format. Each is a
// count named name, with the tags env=prod and page=home.
func readTagFormats(t *testing.T) map[string]string {
	t.Helper()
	lines := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `(name.*?1\\\\\\|c.*?)` \\|")
	for _, match := range row.FindAllStringSubmatch(testutil.ReadFile(t, "docs/statsd-servers.md"), -1) {
		lines[match[1]] = strings.ReplaceAll(match[2], `\|`, "|")
	}
	return lines
}

// TestProxyWritesWhatTheTableOfFlavorsSays compares the lines of a proxy of each
// flavor with docs/statsd-servers.md.
func TestProxyWritesWhatTheTableOfFlavorsSays(t *testing.T) {
	t.Parallel()
	flavors, formats := readFlavors(t), readTagFormats(t)
	if len(flavors) != 7 || len(formats) != 6 {
		t.Fatalf("docs/statsd-servers.md has %d flavors and %d tag formats, want 7 and 6", len(flavors), len(formats))
	}
	for _, f := range flavors {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--statsd-flavor="+f.name)

			proxy.MustSend(t, "/count/name", `{"value": 1, "tags": {"page": "home", "env": "prod"}}`)
			want := []string{formats[f.tagFormat]}
			proxy.MustSend(t, "/gauge/name", `{"value": -5}`)
			want = append(want, f.negative...)
			proxy.MustSendBatch(t, "name:0|g\nname:-5|g\n", 2)
			want = append(want, f.negative...)
			for kind, line := range map[string]string{"c": f.counts, "ms": f.timings} {
				proxy.MustSendBatch(t, strings.ReplaceAll("name:1|?:2|?", "?", kind), 1)
				if line != "" {
					want = append(want, line)
				} else {
					want = append(want, "name:1|"+kind, "name:2|"+kind)
				}
			}
			for _, kind := range moreTypes {
				switch {
				case slices.Contains(f.types, kind):
					proxy.MustSend(t, "/"+kind+"/name", `{"value": 1}`)
					want = append(want, "name:1|"+kind[:1])
				case f.hasOption:
					proxy.MustReject(t, "/"+kind+"/name", `{"value": 1}`, 404, kind)
				default:
					f.mustReject(t, proxy, kind, `"value": 1`, kind)
				}
			}
			if f.hasShift {
				proxy.MustSend(t, "/gauge/name", `{"shift": -3}`)
				want = append(want, "name:-3|g")
			} else {
				f.mustReject(t, proxy, "gauge", `"shift": -3`, "shift")
			}
			statsd.MustHaveReceived(t, proxy, want...)
		})
	}
}

// mustReject sends a metric that the server of f does not support, alone and in a
// batch. The errors must contain word and name the option.
func (f *flavor) mustReject(t *testing.T, proxy *testutil.Proxy, kind, parameters, word string) {
	t.Helper()
	entry := fmt.Sprintf(`[{"metric": "name", "metric_type": %q, %s}]`, kind, parameters)
	for _, want := range []string{word, "--statsd-flavor=" + f.name} {
		proxy.MustReject(t, "/"+kind+"/name", "{"+parameters+"}", 400, want)
		proxy.MustReject(t, "/batch", entry, 400, want)
	}
}
