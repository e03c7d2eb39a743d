package http2

import (
	"cmp"
	"encoding/xml"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// h2specCases is how many cases h2spec has with --strict.
const h2specCases = 146

// h2specReport is a report of h2spec, in JUnit's format.
type h2specReport struct {
	Suites []struct {
		Name  string `xml:"name,attr"`
		ID    string `xml:"package,attr"` // such as http2/6.5.3
		Cases []struct {
			Title   string  `xml:"classname,attr"`
			Error   *string `xml:"error"`
			Failure *string `xml:"failure"`
			Skipped *string `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// TestH2specPasses runs each case of h2spec. Its requests get an error, because a case on
// flow control is skipped if the body of the response is shorter than five bytes, and
// another one needs many responses that wait for a window.
func TestH2specPasses(t *testing.T) {
	t.Parallel()
	h2spec := testutil.H2specProgram(t)
	for name, secure := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := startProxy(t, secure)
			host, port, err := net.SplitHostPort(proxy.Address)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "report.xml")
			args := []string{"--strict", "--host", host, "--port", port, "--path", "/count/h2spec", "--timeout", "10", "--junit-report", file}
			if secure {
				args = append(args, "--tls", "--insecure")
			}
			_, stdout, stderr := testutil.RunToEnd(t, exec.Command(h2spec, args...))
			checkReport(t, file)
			if t.Failed() {
				_, failures, _ := strings.Cut(stdout, "Failures:")
				t.Logf("h2spec printed: %s%s", failures, stderr)
			}
		})
	}
}

// checkReport names the cases of a report that have not passed.
func checkReport(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("h2spec has written no report: %v", err)
	}
	var report h2specReport
	if err := xml.Unmarshal(text, &report); err != nil {
		t.Fatalf("the report of h2spec: %v", err)
	}
	cases := 0
	for _, suite := range report.Suites {
		for _, c := range suite.Cases {
			cases++
			for problem, text := range map[string]*string{"has failed": cmp.Or(c.Failure, c.Error), "was skipped": c.Skipped} {
				if text != nil {
					t.Errorf("%s, %s, %q %s: %s", suite.ID, suite.Name, c.Title, problem, strings.TrimSpace(*text))
				}
			}
		}
	}
	if cases != h2specCases {
		t.Errorf("h2spec has run %d cases, want %d", cases, h2specCases)
	}
}
