package docs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

const (
	program = "statsd-http-proxy"
	// fileSecret is the secret in a file of secrets.
	fileSecret = "secretoffile"
	// sampleMetric is sent to each proxy. All samples have to allow it.
	sampleMetric = "web.some.key"
)

// commandWithTLS is not in the manual of every release. Its files have no directory.
const commandWithTLS = `
statsd-http-proxy \
--verbose \
--http-host=127.0.0.1 \
--http-port=433 \
--tls-cert=cert.pem \
--tls-key=key.pem \
--statsd-host=127.0.0.1 \
--statsd-port=8125 \
--jwt-secret=somesecret \
--metric-prefix=prefix.subprefix
`

// call is a parsed command that runs the program.
type call struct {
	shellCommand
	environment, args []string
}

// calls returns the commands of the manual that run the program, and commandWithTLS. bash parses them: it
// runs a script in place of the program.
func calls(t *testing.T) (all []call) {
	t.Helper()
	bash := testutil.NeedCommand(t, "bash")
	dir := t.TempDir()
	const printCall = "#!/bin/sh\nenv -0 | grep -z '^STATSD_HTTP_PROXY_'\nprintf 'args\\0'\nprintf '%s\\0' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, program), []byte(printCall), 0o755); err != nil {
		t.Fatal(err)
	}
	ours := page{blocks: []block{{page: "commandWithTLS", language: "sh", code: commandWithTLS}}}
	for _, command := range shellCommands(append(manual(t), ours)) {
		if command.program() != program {
			continue
		}
		cmd := exec.Command(bash, "-c", command.text)
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		output, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s:%d: parse %s: %v", command.page, command.line, command.text, err)
		}
		words := strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00")
		i := slices.Index(words, "args")
		all = append(all, call{command, words[:i], words[i+1:]})
	}
	return all
}

// secret returns the secret of the call, or nothing if it has none.
func (c *call) secret() string {
	for _, arg := range append(c.environment, c.args...) {
		for _, before := range []string{"STATSD_HTTP_PROXY_JWT_SECRET=", "--jwt-secret="} {
			if secret, ok := strings.CutPrefix(arg, before); ok {
				return secret
			}
		}
		if strings.HasPrefix(arg, "--jwt-secret-file=") {
			return fileSecret
		}
	}
	return ""
}

// localCommand returns the call with ports, hosts and files of the test.
func (c *call) localCommand(t *testing.T, statsdPort string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	cert, key := testutil.SharedCertificate(t).Write(t, dir, "cert.pem", "key.pem")
	secrets := filepath.Join(dir, "secrets")
	if err := os.WriteFile(secrets, []byte(fileSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	local := map[string]string{
		"--tls-cert": cert, "--tls-key": key, "--jwt-secret-file": secrets, "--statsd-host": "127.0.0.1",
	}
	ports := []string{"--http-port=0", "--statsd-port=" + statsdPort}
	var args []string
	for _, arg := range c.args {
		name, _, _ := strings.Cut(arg, "=")
		if name == "--acme-domain" { // there is no ACME server
			args = append(args, "--tls-cert="+cert, "--tls-key="+key)
			continue
		}
		if value, ok := local[name]; ok && c.option(name) != "cert.pem" && c.option(name) != "key.pem" {
			arg = name + "=" + value
		}
		if name != "--http-port" && name != "--statsd-port" {
			args = append(args, arg)
		}
	}
	if len(args) == 0 || args[0] != "token" {
		args = append(args, ports...)
	}
	cmd := testutil.ProxyCommand(t, args...)
	cmd.Env = append(cmd.Env, c.environment...)
	cmd.Dir = dir // cert.pem and key.pem are there
	return cmd
}

// option returns the value of an option in the call.
func (c *call) option(name string) string {
	for _, arg := range c.args {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value
		}
	}
	return ""
}

// Each command of the manual that starts a proxy has to forward a metric, with the
// prefix of the command. If the command has a secret, the proxy has to require a token.
func TestCommandsThatStartAProxyForwardMetrics(t *testing.T) {
	t.Parallel()
	count, secure := 0, 0
	for _, c := range calls(t) {
		if c.args[0] == "token" || slices.Contains(c.args, "--version") || slices.Contains(c.args, "--help") {
			continue
		}
		count++
		t.Run(strings.ReplaceAll(c.page, "/", "_"), func(t *testing.T) {
			statsd := testutil.StartFakeStatsD(t)
			proxy := testutil.StartProxyCommand(t, c.localCommand(t, statsd.Port))
			isSecure := strings.HasPrefix(proxy.URL, "https://")
			if want := c.option("--tls-cert")+c.option("--acme-domain") != ""; isSecure != want {
				t.Errorf("%s: the proxy serves HTTPS: got %t, want %t", c.text, isSecure, want)
			}
			if isSecure {
				secure++
			}
			// The metric is a form that is declared as JSON.
			const path, body = "/count/" + sampleMetric, "value=100500"
			header := []string{"Content-Type", "application/json"}
			if secret := c.secret(); secret != "" {
				if status, answer := proxy.Send(t, path, body, header...); status != 401 {
					t.Errorf("without a token: got %d %s, want 401", status, answer)
				}
				wrong := testutil.NewToken(t, "othersecret")
				if status, answer := proxy.Send(t, path, body, "X-JWT-Token", wrong); status != 403 {
					t.Errorf("with a token of another secret: got %d %s, want 403", status, answer)
				}
				header = append(header, "X-JWT-Token", testutil.NewToken(t, secret))
			}
			proxy.MustSend(t, path, body, header...)
			want := sampleMetric + ":100500|c"
			if prefix := c.option("--metric-prefix"); prefix != "" {
				want = prefix + "." + want
			}
			statsd.MustHaveReceived(t, proxy, want)
		})
	}
	if count < 2 || secure == 0 {
		t.Errorf("commands that start a proxy: got %d, %d of them with HTTPS, want one of the manual and one with HTTPS", count, secure)
	}
}

// Each token command of the manual has to print a token. A proxy with the same secret
// has to accept it.
func TestTokenCommandsPrintValidTokens(t *testing.T) {
	t.Parallel()
	count := 0
	for _, c := range calls(t) {
		if c.args[0] != "token" || slices.Contains(c.args, "--help") {
			continue
		}
		count++
		token := strings.TrimSuffix(testutil.MustRun(t, c.localCommand(t, "")), "\n")
		statsd := testutil.StartFakeStatsD(t)
		proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret="+c.secret())
		proxy.MustSend(t, "/count/"+sampleMetric, "value=1", "X-JWT-Token", token)
		want := sampleMetric + ":1|c"
		if prefix := c.option("--prefix"); prefix != "" {
			want = prefix + "." + want
		}
		statsd.MustHaveReceived(t, proxy, want)
	}
	if count == 0 {
		t.Error("the manual has no token command")
	}
}

func TestVersionOptionPrintsTheVersion(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := testutil.RunToEnd(t, testutil.ProxyCommand(t, "--version"))
	if want := regexp.MustCompile(`^statsd-http-proxy \S+ \(.+, .+, go1\.\S+\)\n$`); code != 0 || !want.MatchString(stdout) || stderr != "" {
		t.Errorf("got exit code %d, stdout %q, stderr %q, want 0 and one line like %s", code, stdout, stderr, want)
	}
}

// optionSpan matches an option in a span of code, such as `--http-port=0`.
var optionSpan = regexp.MustCompile("`(--[a-z][a-z0-9-]*)[^`]*`")

// foreignOptions are options of other programs that pages name in spans of code.
var foreignOptions = []string{"--http2", "--data-binary", "--add-host"}

func TestOptionsInProseExist(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	for _, args := range [][]string{{"--help"}, {"token", "--help"}} {
		help.WriteString(testutil.MustRun(t, testutil.ProxyCommand(t, args...)))
	}
	known := regexp.MustCompile(`--[a-z][a-z0-9-]*`).FindAllString(help.String(), -1)
	if len(known) < 20 {
		t.Fatalf("options in the help: got %q", known)
	}
	for _, p := range pages(t) {
		if p.name == "CHANGELOG.md" || p.name == "test/README.md" { // they name options that are gone, or of go test
			continue
		}
		for _, match := range optionSpan.FindAllStringSubmatch(p.prose, -1) {
			if !slices.Contains(known, match[1]) && !slices.Contains(foreignOptions, match[1]) {
				t.Errorf("%s names the option %s, which the program does not have", p.name, match[1])
			}
		}
	}
}
