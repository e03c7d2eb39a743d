package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironmentIsRead(t *testing.T) {
	f := func(variables, want string, warnings ...string) {
		t.Helper()
		settings, got := readEnvironment(strings.Fields(variables), options)
		var set []string
		for _, s := range settings {
			set = append(set, s.option.name+"="+s.text)
		}
		if strings.Join(set, " ") != want {
			t.Errorf("%s: got %s, want %s", variables, set, want)
		}
		if len(got) != len(warnings) {
			t.Errorf("%s: got the warnings %q, want %d", variables, got, len(warnings))
			return
		}
		for i := range got {
			if !strings.Contains(got[i], warnings[i]) {
				t.Errorf("%s: got %q, want a warning with %q", variables, got[i], warnings[i])
			}
		}
	}
	f("PATH=/bin OTHER_HTTP_PORT=80 STATSD_PORT=80", "")
	f("STATSD_HTTP_PROXY_HTTP_PORT=80 STATSD_HTTP_PROXY_METRIC_PREFIX=a=b", "http-port=80 metric-prefix=a=b")
	f("STATSD_HTTP_PROXY_HTTP_PORT= STATSD_HTTP_PROXY_TAGS=", "") // count as not set
	f("STATSD_HTTP_PROXY_HTTP_HOST=", "http-host=")               // means all interfaces

	// Labels of images.
	f("STATSD_HTTP_PROXY_VERSION=1.2.3 STATSD_HTTP_PROXY_HELP=x", "")

	// Typing errors.
	f("STATSD_HTTP_PROXY_JWT_SECRETS=hidden", "",
		"STATSD_HTTP_PROXY_JWT_SECRETS is ignored: there is no such option (did you mean STATSD_HTTP_PROXY_JWT_SECRET?)")
	f("STATSD_HTTP_PROXY_http_port=80", "", "did you mean STATSD_HTTP_PROXY_HTTP_PORT?")
	f("statsd_http_proxy_http_port=80", "", "statsd_http_proxy_http_port is ignored: there is no such option (did you mean STATSD_HTTP_PROXY_HTTP_PORT?)")
	f("STATSD_HTTP_PROXY_NONSENSE=1", "", "STATSD_HTTP_PROXY_NONSENSE is ignored: there is no such option")
	f("STATSD_HTTP_PROXY_=1", "", "STATSD_HTTP_PROXY_ is ignored")

	// Variables that Kubernetes sets for Services named statsd-http-proxy,
	// statsd-http-proxy-http and statsd-http-proxy-statsd.
	f(`STATSD_HTTP_PROXY_SERVICE_HOST=10.0.0.1
		STATSD_HTTP_PROXY_SERVICE_PORT=80
		STATSD_HTTP_PROXY_SERVICE_PORT_HTTP=80
		STATSD_HTTP_PROXY_PORT=tcp://10.0.0.1:80
		STATSD_HTTP_PROXY_PORT_80_TCP=tcp://10.0.0.1:80
		STATSD_HTTP_PROXY_PORT_80_TCP_PROTO=tcp
		STATSD_HTTP_PROXY_PORT_80_TCP_PORT=80
		STATSD_HTTP_PROXY_PORT_80_TCP_ADDR=10.0.0.1
		STATSD_HTTP_PROXY_HTTP_SERVICE_HOST=10.0.0.1
		STATSD_HTTP_PROXY_STATSD_PORT_8125_UDP_ADDR=10.0.0.1`, "")
	f("STATSD_HTTP_PROXY_HTTP_PORT=tcp://10.0.0.1:80 STATSD_HTTP_PROXY_STATSD_PORT=udp://10.0.0.1:8125", "",
		"STATSD_HTTP_PROXY_HTTP_PORT is ignored", "STATSD_HTTP_PROXY_STATSD_PORT is ignored")
	f("STATSD_HTTP_PROXY_HTTP_HOST=tcp://10.0.0.1:80", "http-host=tcp://10.0.0.1:80") // an error: it is no port
}

func TestWarningsReachTheCaller(t *testing.T) {
	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRETS", "hidden")
	c, err := Parse(nil)
	if err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "JWT_SECRETS") || strings.Contains(c.Warnings[0], "hidden") {
		t.Errorf("got %v, %v, want a warning without the value", c, err)
	}
}

func TestFlagBeatsEnvironmentBeatsFile(t *testing.T) {
	file := writeFile(t, "# a comment\n\nhttp-port 1\n--statsd-port=2\nmetric-prefix = from file\njwt-secret \"a #b=c\"\n\tverbose\r\n")
	t.Setenv("STATSD_HTTP_PROXY_STATSD_PORT", "3")
	t.Setenv("STATSD_HTTP_PROXY_METRIC_PREFIX", "from.environment")
	t.Setenv("STATSD_HTTP_PROXY_CONFIG", file)
	t.Setenv("STATSD_HTTP_PROXY_HTTP_TIMEOUT_READ", "") // counts as not set
	t.Setenv("STATSD_HTTP_PROXY_HTTP_HOST", "")         // all interfaces
	got, err := Parse([]string{"--metric-prefix=from.flag"})
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.HTTPHost = ""
	want.HTTPPort, want.StatsDPort, want.MetricPrefix = 1, 3, "from.flag"
	want.JWTSecrets, want.Verbose, want.File = []string{"a #b=c"}, true, file
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	if got, err = Parse([]string{"--config="}); err == nil || !strings.Contains(err.Error(), "--config is empty") {
		t.Errorf("--config= is ignored: got %+v, %v", got, err)
	}

	t.Setenv("STATSD_HTTP_PROXY_STATSD_PORT", "x")
	for _, args := range [][]string{nil, {"--statsd-port=4"}} { // also if a flag overrides it
		if _, err := Parse(args); err == nil || !strings.Contains(err.Error(), `invalid STATSD_HTTP_PROXY_STATSD_PORT "x": want`) {
			t.Errorf("%q with a bad port in the environment: error %v", args, err)
		}
	}
}
