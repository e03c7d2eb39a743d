package docs

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// sampleAddress is the address of the proxy in samples, the one of make run.
const sampleAddress = "127.0.0.1:8825"

// Each curl command for sampleAddress has to succeed. If it has a comment, StatsD has to
// receive exactly the lines in the comment, which are separated by blanks.
func TestCurlCommandsSendTheLinesInTheirComments(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "curl")
	bash := testutil.NeedCommand(t, "bash")
	ran, compared := 0, 0
	for _, command := range shellCommands(manual(t)) {
		if command.program() != "curl" || !strings.Contains(command.text, sampleAddress) {
			continue
		}
		ran++
		statsd := testutil.StartFakeStatsD(t)
		proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
		const strict = `curl() { command curl --silent --show-error --fail-with-body --max-time 20 "$@"; }` + "\n"
		text := strings.ReplaceAll(command.text, sampleAddress, proxy.Address)
		cmd := exec.Command(bash, "-c", strict+text)
		if code, stdout, stderr := testutil.RunToEnd(t, cmd); code != 0 {
			t.Errorf("%s:%d: %s\ngot exit code %d %s%s, want 0", command.page, command.line, command.text, code, stdout, stderr)
			continue
		}
		proxy.Stop(t)
		if command.comment == "" {
			continue
		}
		compared++
		if got, want := statsd.All(t), strings.Fields(command.comment); !slices.Equal(got, want) {
			t.Errorf("%s:%d: %s\nStatsD received %q, want %q", command.page, command.line, command.text, got, want)
		}
	}
	if ran < 5 || compared < 5 {
		t.Errorf("curl commands in the manual: ran %d and compared %d, want at least 5", ran, compared)
	}
}
