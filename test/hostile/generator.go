package hostile

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// words are names that mean something to a server, or to a store behind it.
var words = []string{
	// JavaScript: properties of objects, functions and arrays.
	"constructor", "__proto__", "prototype", "toString", "toLocaleString", "valueOf", "hasOwnProperty",
	"isPrototypeOf", "propertyIsEnumerable", "__defineGetter__", "__defineSetter__", "__lookupGetter__",
	"__lookupSetter__", "length", "push", "name", "undefined", "null", "NaN", "Infinity", "proto",
	// Prometheus: reserved labels, suffixes and the servers' own metrics.
	"__name__", "_name_", "__a", "le", "quantile", "job", "instance", "go_goroutines", "go.goroutines", "go-goroutines",
	"process_cpu_seconds_total", "process.start.time.seconds", "promhttp_metric_handler_requests_total",
	"statsd_exporter_lines_total", "statsd.exporter.lines.total", "x_count", "x.count", "x.sum", "x.bucket", "x_total", "x.total",
	"x_info", "x_created", "x", "up",
	// Graphite and Etsy StatsD: their own metrics, wildcards and directories.
	"statsd.metrics_received", "statsd.bad_lines_seen", "statsd.packets_received", "timers.api.lat.mean", "stats_counts", "stats", "*", "{a,b}",
	"a..b", "~", "gauges", "sets", "statsd.timestamp_lag", "config", "counters",
	// InfluxDB, Telegraf and gostatsd: reserved fields and tags.
	"start_time", "a.start_time.b", "time", "value", "_field", "_measurement", "metric_type", "temporality", "host", "source", "unit",
	"gsd_histogram", "1_2_3_4_5", "-Inf", "+Inf", "mean", "upper", "lower", "count", "sum", "field=1", "u",
	// Lua, shells and format strings.
	"end", "nil", "%d", "%s%s%n", "%25s", "$HOME", "`id`", "${x}", "{{x}}", "<script>", "' OR 1", "..", ".",
	// Unicode: characters that look like others, fold to others or become others in ASCII.
	"ｃｏｎｓｔｒｕｃｔｏｒ", "conѕtructor", "é__proto__", "Ċ", "aĊb", "ż:1|c", "\u202econstructor", "\u200b", "\ufeffx", "İ", "ſ", "\u2028", "ｘ｜ｙ", "\U0001f600",
	"\u00a0x", "e\u0301",
	// Nothing, digits and signs.
	"", "0", "1e9", "-1", "+1", "_", "__", "___", "-", "--",
}

// separators are characters to which a server, a format or a store may give a
// meaning. The proxy accepts names with them, and rejects names with reserved ones.
var (
	separators = []string{
		".", "/", "-", "_", "[", "]", "(", ")", "{", "}", "!", "+", "*", "?", `\`, `"`, "'", "`", "$", "%", "&", "<", ">", "~", "^", " ", "\t", "é",
	}
	reserved = []string{":", "|", ",", ";", "=", "#", "@", "\n", "\r", "\x00", "\x7f", "\u0085"}
)

var (
	values = []any{0, 1, 5, -1, -5, 0.5, -0.25, 1e18, "9223372036854775807", "-9223372036854775807", "1e-300", ".5", "1e3", "0.0001", 320}
	rates  = []any{1, 0.5, 0.1, 0.01, 0.001, 0.0001, 1e-9}
	kinds  = []string{"count", "gauge", "timing", "set", "histogram", "distribution"}
	units  = map[string]string{"count": "c", "gauge": "g", "timing": "ms", "set": "s", "histogram": "h", "distribution": "d"}
)

// A generator makes hostile metrics. The same seed makes the same ones.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 0))} }

func pick[T any](g generator, from []T) T { return from[g.IntN(len(from))] }

// separator returns a separator, or seldom a reserved character.
func (g generator) separator() string {
	if g.IntN(25) == 0 {
		return pick(g, reserved)
	}
	return pick(g, separators)
}

// text returns a word, or several joined and changed.
func (g generator) text() string {
	text := pick(g, words)
	for g.IntN(2) == 0 {
		switch g.IntN(7) {
		case 0:
			text += g.separator() + pick(g, words)
		case 1:
			text = g.separator() + text
		case 2:
			text += g.separator()
		case 3:
			text = strings.ToUpper(text)
		case 4: // longer than any server expects, up to the proxy's own limits and beyond
			text = strings.Repeat(text, 1+g.IntN(20)*g.IntN(2))
		case 5:
			at := g.IntN(len(text) + 1)
			text = text[:at] + g.separator() + text[at:]
		case 6:
			text += fmt.Sprint(g.IntN(1000))
		}
	}
	return text
}

// A request is what a hostile client sends.
type request struct {
	path, contentType, body string
}

func (r request) String() string { return fmt.Sprintf("POST %s %q", r.path, r.body) }

// request returns a single metric, a JSON batch or a batch of lines.
func (g generator) request() request {
	switch g.IntN(4) {
	case 0:
		return g.single()
	case 1:
		entries := make([]map[string]any, 1+g.IntN(20))
		for i := range entries {
			kind := pick(g, kinds)
			entries[i] = g.params(kind)
			entries[i]["metric"], entries[i]["metric_type"] = g.text(), kind
		}
		return request{"/batch", "application/json", marshal(entries)}
	default:
		lines := make([]string, 1+g.IntN(20))
		for i := range lines {
			lines[i] = g.line()
		}
		return request{"/batch", "text/plain", strings.Join(lines, "\n")}
	}
}

func (g generator) single() request {
	kind := pick(g, kinds)
	return request{"/" + kind + "/" + url.PathEscape(g.text()), "application/json", marshal(g.params(kind))}
}

// params returns the parameters of a metric but its name and type.
func (g generator) params(kind string) map[string]any {
	params := map[string]any{"value": pick(g, values)}
	if kind == "set" {
		params["value"] = g.text()
	} else if kind == "gauge" && g.IntN(3) == 0 {
		params = map[string]any{"shift": pick(g, values)}
	}
	if (kind == "count" || kind == "timing") && g.IntN(3) == 0 {
		params["sampleRate"] = pick(g, rates)
	}
	if g.IntN(2) == 0 {
		tags := map[string]any{}
		for range 1 + g.IntN(4) {
			tags[g.text()] = g.text()
		}
		params["tags"] = tags
	}
	return params
}

// line returns a StatsD line with tags of one of the formats that the proxy reads.
func (g generator) line() string {
	kind := pick(g, kinds)
	var name, end strings.Builder
	name.WriteString(g.text())
	if tags := g.IntN(6); tags < 3 {
		between := []string{",", ";", "|#"}[tags]
		for i := range 1 + g.IntN(4) {
			switch {
			case tags < 2:
				fmt.Fprintf(&name, "%s%s=%s", between, g.text(), g.text())
			case i == 0:
				fmt.Fprintf(&end, "|#%s:%s", g.text(), g.text())
			default:
				fmt.Fprintf(&end, ",%s:%s", g.text(), g.text())
			}
		}
	}
	var samples strings.Builder
	for range 1 + g.IntN(3)*g.IntN(3) {
		value := fmt.Sprint(pick(g, values))
		if kind == "set" {
			value = g.text()
		}
		samples.WriteString(":" + value)
	}
	rate := ""
	if g.IntN(4) == 0 {
		rate = fmt.Sprintf("|@%v", pick(g, rates))
	}
	return name.String() + samples.String() + "|" + units[kind] + rate + end.String()
}

func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
