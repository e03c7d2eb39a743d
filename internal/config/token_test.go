package config

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTokenOptionsAreRead(t *testing.T) {
	f := func(args string, want Token) {
		t.Helper()
		got, err := ParseToken(strings.Fields(args))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			return
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
	f("--jwt-secret=s", Token{Secret: "s", Expires: time.Hour})
	f("-jwt-secret s -expires 90", Token{Secret: "s", Expires: 90 * time.Second})
	f("--jwt-secret=s --expires=never", Token{Secret: "s"})
	f("--jwt-secret=s --expires=30d", Token{Secret: "s", Expires: 720 * time.Hour})
	f("--jwt-secret=s --expires=36500d", Token{Secret: "s", Expires: maxExpiry})
	f("--jwt-secret=s --expires=1h30m --metrics=web.*,a --types=count,timing --prefix=p --subject=d --issuer=i --audience=a", Token{
		Secret: "s", Expires: 90 * time.Minute, Metrics: []string{"web.*", "a"}, Types: []string{"count", "timing"},
		Prefix: "p", Subject: "d", Issuer: "i", Audience: "a",
	})
	f("--jwt-secret=s --metrics= --types=", Token{Secret: "s", Expires: time.Hour, Metrics: []string{""}, Types: []string{""}})

	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "from environment")
	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET_FILE", "file.environment")
	t.Setenv("STATSD_HTTP_PROXY_EXPIRES", "never")
	f("", Token{Secret: "from environment", Expires: time.Hour})
	f("--jwt-secret=", Token{Secret: "from environment", Expires: time.Hour})
	f("--jwt-secret=s", Token{Secret: "s", Expires: time.Hour})
	f("--jwt-secret-file=f", Token{SecretFile: "f", Expires: time.Hour})
	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "")
	f("", Token{SecretFile: "file.environment", Expires: time.Hour})
}

func TestBadTokenOptionsAreNamed(t *testing.T) {
	f := func(args, want string) {
		t.Helper()
		if _, err := ParseToken(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want a line with %q", args, err, want)
		}
	}
	f("", "--jwt-secret")
	f("--jwt-secret=", "--jwt-secret")
	f("--jwt-secret=s --nonsense", "-nonsense")
	f("--jwt-secret=s stray", `"stray"`)
	f("--jwt-secret=s --http-port=80", "-http-port")
	for _, expires := range []string{"", "0", "-1h", "500ms", "x", "1e3", "d", "-1d", "1.5d", "36501d", "99999999d", "876001h", "Never", "9999999999999"} {
		if _, err := ParseToken([]string{"--jwt-secret=s", "--expires=" + expires}); err == nil || !strings.Contains(err.Error(), "-expires") {
			t.Errorf("--expires=%s: error %v", expires, err)
		}
	}
	for _, args := range []string{"-h", "--help", "--jwt-secret=s -help"} {
		if _, err := ParseToken(strings.Fields(args)); !errors.Is(err, ErrHelp) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestTokenHelpNamesEachOptionOnce(t *testing.T) {
	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "hidden")
	var b bytes.Buffer
	if err := WriteTokenHelp(&b); err != nil {
		t.Fatal(err)
	}
	options := new(Token).options()
	for _, o := range options {
		if strings.Count(b.String(), "\n  --"+o.name+"\n") != 1 {
			t.Errorf("--%s is not named once", o.name)
		}
	}
	if fields := reflect.TypeFor[Token]().NumField(); len(options) != fields {
		t.Errorf("%d options for %d fields", len(options), fields)
	}
	for _, name := range []string{"STATSD_HTTP_PROXY_JWT_SECRET\n", "STATSD_HTTP_PROXY_JWT_SECRET_FILE\n", "default 1h\n"} {
		if strings.Count(b.String(), name) != 1 {
			t.Errorf("%q is not named once", name)
		}
	}
	if strings.Count(b.String(), "environment STATSD") != 2 || strings.Contains(b.String(), "hidden") {
		t.Errorf("the help is wrong about the environment:\n%s", &b)
	}
}
