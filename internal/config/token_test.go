package config

import (
	"errors"
	"os"
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
	f("--jwt-secret=s --rate=0.5 --burst=20 --max-series=100", Token{Secret: "s", Expires: time.Hour, Rate: 0.5, Burst: 20, MaxSeries: 100})
	f("--jwt-secret=s --metrics=a --metrics=b --types=count --types=set --tags=env,app.*", Token{
		Secret: "s", Expires: time.Hour, Metrics: []string{"a", "b"}, Types: []string{"count", "set"}, Tags: []string{"env", "app.*"},
	})

	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "from environment")
	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET_FILE", "file.environment")
	t.Setenv("STATSD_HTTP_PROXY_EXPIRES", "never") // is no option of the proxy
	f("", Token{Secret: "from environment", SecretFile: "file.environment", Expires: time.Hour})
	f("--jwt-secret=s", Token{Secret: "s", Expires: time.Hour})
	f("--jwt-secret-file=f", Token{SecretFile: "f", Expires: time.Hour})
	os.Unsetenv("STATSD_HTTP_PROXY_JWT_SECRET")
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
	for _, name := range []string{"--jwt-secret", "--jwt-secret-file", "--metrics", "--types", "--tags"} {
		f(name+"=", name+" is empty")
	}
	f("--jwt-secret=s --nonsense", "-nonsense")
	f("--jwt-secret=s stray", `"stray"`)
	f("--jwt-secret=s --http-port=80", "-http-port")
	f("--jwt-secret=s --rate=0", `invalid --rate "0": want a number from 0.001 to 1000000000`)
	f("--jwt-secret=s --burst=0", `invalid --burst "0": want a whole number from 1 to 1000000000`)
	f("--jwt-secret=s --max-series=1.5", `invalid --max-series "1.5": want a whole number from 1 to 100000000`)
	f("--jwt-secret --expires=1h", "--jwt-secret has no value")
	for _, expires := range []string{"", "0", "-1h", "500ms", "x", "1e3", "d", "-1d", "1.5d", "36501d", "99999999d", "876001h", "Never", "9999999999999"} {
		if _, err := ParseToken([]string{"--jwt-secret=s", "--expires=" + expires}); err == nil || !strings.Contains(err.Error(), "-expires") {
			t.Errorf("--expires=%s: error %v", expires, err)
		}
	}
	for _, args := range []string{"-h", "--help", "--jwt-secret=s -help"} {
		if _, err := ParseToken(strings.Fields(args)); !errors.Is(err, ErrHelp) {
			t.Errorf("%s: %v, want ErrHelp", args, err)
		}
	}
	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "")
	f("", "STATSD_HTTP_PROXY_JWT_SECRET is empty")
}

func TestTokenSecretsAreReadFromTheConfigFile(t *testing.T) {
	f := func(text string, want Token, args ...string) {
		t.Helper()
		want.File, want.Expires = writeFile(t, text), time.Hour
		got, err := ParseToken(append(args, "--config="+want.File))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%q %q (-want +got):\n%s", text, args, diff)
		}
	}
	f("http-port 80\njwt-secret one\njwt-secret two\n", Token{Secret: "one"})
	f("jwt-secret-file f\n", Token{SecretFile: "f"})
	f("jwt-secret one\n", Token{Secret: "s"}, "--jwt-secret=s")
	f("jwt-secret =\n", Token{SecretFile: "s"}, "--jwt-secret-file=s")

	bad := func(text, want string) {
		t.Helper()
		file := writeFile(t, text)
		t.Setenv("STATSD_HTTP_PROXY_CONFIG", file)
		if _, err := ParseToken(nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	bad("http-port 80\n", "there is no secret to sign with")
	bad("jwt-secret =\n", ":1: jwt-secret is empty")
	bad("nonsense\n", `:1: unknown option "nonsense"`)

	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "e")
	f("jwt-secret one\n", Token{Secret: "e"})
}
