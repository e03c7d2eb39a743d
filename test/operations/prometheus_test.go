package operations

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// startKeySet serves a JWK set with one key and returns its URL.
func startKeySet(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, set) }))
	t.Cleanup(server.Close)
	return server.URL
}

// prometheus is a running Prometheus.
type prometheus struct{ url string }

// startPrometheus starts Prometheus with the files in deploy/prometheus. It scrapes
// target every second.
func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	program := testutil.NeedCommand(t, "prometheus")
	dir := t.TempDir()
	config := testutil.ReadFile(t, "deploy/prometheus/prometheus.yml")
	for old, replacement := range map[string]string{
		"15s":                               "1s",
		"          - proxy2.example:8826\n": "",
		"proxy1.example:8826":               target,
	} {
		if !strings.Contains(config, old) {
			t.Fatalf("deploy/prometheus/prometheus.yml does not contain %q", old)
		}
		config = strings.ReplaceAll(config, old, replacement)
	}
	for name, text := range map[string]string{"prometheus.yml": config, "rules.yml": testutil.ReadFile(t, "deploy/prometheus/rules.yml")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	address := "127.0.0.1:" + testutil.FreePort(t)
	process := testutil.Start(t, exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address))
	p := &prometheus{"http://" + address}
	process.WaitReady(t, func() bool {
		status, _, err := testutil.Get(p.url + "/-/ready")
		return err == nil && status == http.StatusOK
	})
	return p
}

// call decodes the data of a response of Prometheus' API into data, and returns its
// error.
func (p *prometheus) call(t *testing.T, path string, data any) string {
	t.Helper()
	_, body := get(t, p.url+"/api/v1/"+path)
	var response struct {
		Data  json.RawMessage
		Error string
	}
	if err := json.Unmarshal([]byte(body), &response); err != nil {
		t.Fatalf("%s: %v in %s", path, err, body)
	}
	if response.Error == "" {
		if err := json.Unmarshal(response.Data, data); err != nil {
			t.Fatalf("%s: %v in %s", path, err, body)
		}
	}
	return response.Error
}

// waitForData waits until a query returns data.
func (p *prometheus) waitForData(t *testing.T, query string) {
	t.Helper()
	testutil.Eventually(t, "data of "+query, func() bool {
		var data struct{ Result []any }
		if fault := p.call(t, "query?query="+url.QueryEscape(query), &data); fault != "" {
			t.Fatalf("%s: %s", query, fault)
		}
		return len(data.Result) > 0
	})
}

// rule is a rule as Prometheus lists it.
type rule struct{ Name, Query, Type, Health, LastError string }

// rules returns all rules, after each was evaluated.
func (p *prometheus) rules(t *testing.T) (all []rule) {
	t.Helper()
	testutil.Eventually(t, "the rules to be evaluated", func() bool {
		var data struct{ Groups []struct{ Rules []rule } }
		if fault := p.call(t, "rules", &data); fault != "" {
			t.Fatal(fault)
		}
		all = nil
		for _, group := range data.Groups {
			all = append(all, group.Rules...)
		}
		return !slices.ContainsFunc(all, func(r rule) bool { return r.Health == "unknown" })
	})
	return all
}

// comparison matches the end of an alert's query.
var comparison = regexp.MustCompile(` [<>] [0-9.e+]+$`)

// expressions appends the queries of a dashboard.
func expressions(value any, all []string) []string {
	switch value := value.(type) {
	case map[string]any:
		for key, field := range value {
			if text, ok := field.(string); ok && key == "expr" {
				all = append(all, text)
			}
			all = expressions(field, all)
		}
	case []any:
		for _, element := range value {
			all = expressions(element, all)
		}
	}
	return all
}

// TestQueriesOfRulesAndDashboardReturnData runs a real Prometheus that scrapes a proxy.
func TestQueriesOfRulesAndDashboardReturnData(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartSecureProxy(t, "--admin-listen=127.0.0.1:0", "--statsd-port="+testutil.StartSink(t),
		"--jwt-secret="+testutil.LongSecret, "--jwt-jwks-url="+startKeySet(t), "--max-series=100")
	admin := proxy.AdminURL(t)
	prometheus := startPrometheus(t, strings.TrimPrefix(admin, "http://"))
	proxy.MustSend(t, "/count/k", "value=1", "X-JWT-Token", testutil.NewToken(t, testutil.LongSecret))

	for _, r := range prometheus.rules(t) {
		if r.Health != "ok" {
			t.Errorf("the rule %s is %s: %s", r.Name, r.Health, r.LastError)
		}
		query := r.Query
		if r.Type == "alerting" {
			if query = comparison.ReplaceAllString(query, ""); query == r.Query {
				t.Errorf("the alert %s does not end with a comparison", r.Name)
			}
			if !strings.Contains(testutil.ReadFile(t, "docs/operations.md"), "\n### "+r.Name+"\n") {
				t.Errorf("docs/operations.md has no section about the alert %s", r.Name)
			}
		}
		prometheus.waitForData(t, query)
	}
	var dashboard any
	if err := json.Unmarshal([]byte(testutil.ReadFile(t, "deploy/grafana/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	queries := expressions(dashboard, nil)
	if len(queries) < 30 {
		t.Errorf("the dashboard has %d queries", len(queries))
	}
	for _, query := range queries {
		prometheus.waitForData(t, strings.NewReplacer("$instance", ".*", "$__rate_interval", "10s").Replace(query))
	}
	proxy.Stop(t)
}

func TestRulesPassTheirTests(t *testing.T) {
	t.Parallel()
	promtool := testutil.NeedCommand(t, "promtool")
	for _, args := range [][]string{
		{"check", "config", "prometheus.yml"},
		{"check", "rules", "--lint-fatal", "rules.yml"},
		{"test", "rules", "rules_test.yml"},
	} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = testutil.Path("deploy/prometheus")
		testutil.MustRun(t, cmd)
	}
	// Each alert has a test in which it is raised.
	tests := testutil.ReadFile(t, "deploy/prometheus/rules_test.yml")
	for _, match := range regexp.MustCompile(`(?m)- alert: (\w+)$`).FindAllStringSubmatch(testutil.ReadFile(t, "deploy/prometheus/rules.yml"), -1) {
		if !regexp.MustCompile(`- alertname: ` + match[1] + `\n +eval_time: \w+\n +exp_alerts:`).MatchString(tests) {
			t.Errorf("no test raises the alert %s", match[1])
		}
	}
}

func TestMetricsPassPromtool(t *testing.T) {
	t.Parallel()
	promtool := testutil.NeedCommand(t, "promtool")
	proxy := testutil.StartProxy(t, "--admin-listen=127.0.0.1:0", "--statsd-port="+testutil.StartSink(t))
	proxy.MustSend(t, "/count/k", "value=1")
	_, text := get(t, proxy.AdminURL(t)+"/metrics")
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if code, stdout, stderr := testutil.RunToEnd(t, cmd); code != 0 || stdout+stderr != "" {
		t.Errorf("promtool: got exit code %d\n%s%s", code, stdout, stderr)
	}
	proxy.Stop(t)
}

func TestDashboardIsUpToDate(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "run", ".") // the first time, it compiles for a minute
	cmd.Dir = testutil.Path("deploy/grafana")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.Bytes())
	}
	if string(got) != testutil.ReadFile(t, "deploy/grafana/dashboard.json") {
		t.Error("deploy/grafana/dashboard.json is stale: run go run . >dashboard.json in deploy/grafana")
	}
}

// documentedMetric matches the first cell of a row in docs/operations.md.
var documentedMetric = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (counter|gauge|histogram)")

func TestEachMetricIsDocumented(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--admin-listen=127.0.0.1:0", "--statsd-port="+testutil.StartSink(t))
	types := make(map[string]string)
	for name, family := range families(t, proxy.AdminURL(t)) {
		if own, ok := strings.CutPrefix(name, prefix); ok {
			types[own] = strings.ToLower(family.GetType().String())
		}
	}
	documented := make(map[string]bool)
	for _, match := range documentedMetric.FindAllStringSubmatch(testutil.ReadFile(t, "docs/operations.md"), -1) {
		name := match[1]
		if documented[name] {
			t.Errorf("docs/operations.md has two rows about %s", name)
		}
		documented[name] = true
		if types[name] != match[2] {
			t.Errorf("docs/operations.md says that %s is a %s; it is a %q", name, match[2], types[name])
		}
	}
	for name := range types {
		if !documented[name] {
			t.Errorf("docs/operations.md has no row about %s", name)
		}
	}
	proxy.Stop(t)
}
