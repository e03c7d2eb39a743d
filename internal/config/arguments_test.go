package config

import (
	"strings"
	"testing"
)

func TestUnknownOptionsSuggestOthers(t *testing.T) {
	f := func(arg, want string) {
		t.Helper()
		if _, err := Parse([]string{arg}); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", arg, err, want)
		}
	}
	f("--jwt-secrets=hidden", "unknown option --jwt-secrets (did you mean --jwt-secret?); see --help")
	f("-htp-port=80", "unknown option --htp-port (did you mean --http-port?); see --help")
	f("--HTTP-Port=80", "unknown option --HTTP-Port (did you mean --http-port?); see --help")
	f("--http-timeout-reed", "unknown option --http-timeout-reed (did you mean --http-timeout-read?); see --help")
	f("--port=80", "unknown option --port (did you mean --http-port or --statsd-port?); see --help")
	f("--secret", "unknown option --secret (did you mean --jwt-secret or --jwt-secret-file?); see --help")
	f("--lower", "unknown option --lower (did you mean --lowercase?); see --help")
	f("--nonsense", "unknown option --nonsense; see --help")
	f("-p", "unknown option --p; see --help")
}

func TestFlagsDoNotBecomeValues(t *testing.T) {
	f := func(args, want string) {
		t.Helper()
		if _, err := Parse(strings.Fields(args)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", args, err, want)
		}
	}
	f("--jwt-secret --http-port=0", "--jwt-secret has no value: it is followed by --http-port;")
	f("--jwt-secret -http-port=0", "--jwt-secret has no value: it is followed by -http-port;")
	f("--jwt-secret --verbose", "--jwt-secret has no value: it is followed by --verbose;")
	f("--jwt-secret --anything", "--jwt-secret has no value: it is followed by --anything;")
	f("--jwt-secret", "--jwt-secret has no value")
}

func TestUnexpectedArgumentsSayWhatToWrite(t *testing.T) {
	f := func(args, want string) {
		t.Helper()
		if _, err := Parse(strings.Fields(args)); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", args, err, want)
		}
	}
	f("--http-port 0 8125", `unexpected argument "8125"; see --help`)
	f("jwt-secret=hidden", `unexpected argument "jwt-secret" (did you mean --jwt-secret?); see --help`)
	f("---http-port=0", `unexpected argument "---http-port" (did you mean --http-port?); see --help`)
	f("secret=hidden", `unexpected argument "secret"; see --help`)
}

func TestDistance(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := distance(a, b); got != want {
			t.Errorf("%q and %q: got %d, want %d", a, b, got, want)
		}
		if got := distance(b, a); got != want {
			t.Errorf("%q and %q: got %d, want %d", b, a, got, want)
		}
	}
	f("", "", 0)
	f("", "abc", 3)
	f("abc", "abc", 0)
	f("abc", "abd", 1)
	f("abc", "ac", 1)
	f("abc", "bcd", 2)
	f("kitten", "sitting", 3)
}
