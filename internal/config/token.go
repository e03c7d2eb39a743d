package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Token is the set of options of the command token, see options for what each
// means.
type Token struct {
	Secret     string // or else there is a SecretFile
	SecretFile string

	Expires  time.Duration // 0 for a token without an end
	Metrics  []string      // nil where it is not given
	Types    []string      // nil where it is not given
	Prefix   string
	Subject  string
	Issuer   string
	Audience string
}

// tokenEnv are the options of the command token that may stand in the
// environment, where the proxy has them too.
var tokenEnv = []string{"jwt-secret", "jwt-secret-file"}

// options binds the options to t and sets their defaults.
func (t *Token) options() []option {
	return []option{
		{"jwt-secret", text(&t.Secret, ""), `secret to sign with; better given in the environment, since other users of
the machine can read the command line`},
		{"jwt-secret-file", text(&t.SecretFile, ""), `file with a secret a line, the first of which signs`},
		{"expires", expiry(&t.Expires, time.Hour), `how long the token is valid: in seconds, or like 90m, 1h, 30d; never for ever`},
		{"metrics", list(&t.Metrics), `names that may be written, like web.*,app.checkout; an asterisk stands for any
run of characters. Without it every name`},
		{"types", list(&t.Types), `types that may be written, like count,timing. Without it every type`},
		{"prefix", text(&t.Prefix, ""), `put before each name, behind the proxy's own --metric-prefix`},
		{"subject", text(&t.Subject, ""), `whom the token is for`},
		{"issuer", text(&t.Issuer, ""), `who gives it, for a proxy with --jwt-issuer`},
		{"audience", text(&t.Audience, ""), `what it is for, for a proxy with --jwt-audience`},
	}
}

// ParseToken reads the options of the command token from its arguments, and the
// secret also from the environment. Its error is one line that names the
// option at fault.
func ParseToken(args []string) (*Token, error) {
	t := new(Token)
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	options := t.options()
	for _, o := range options {
		flags.Var(o.value, o.name, o.usage)
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	for _, o := range options {
		if t.Secret == "" && t.SecretFile == "" && slices.Contains(tokenEnv, o.name) {
			if err := o.value.Set(os.Getenv(o.env())); err != nil {
				return nil, err
			}
		}
	}
	if t.Secret == "" && t.SecretFile == "" {
		return nil, errors.New("there is no secret to sign with: give --jwt-secret or --jwt-secret-file")
	}
	return t, nil
}

// WriteTokenHelp writes the help text of the command token.
func WriteTokenHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`statsd-http-proxy token prints a token (JWT, signed by HS256) for a proxy with
the same secret.

Usage:
  statsd-http-proxy token --jwt-secret=secret [--option=value ...]

Options:
`)
	for _, o := range new(Token).options() {
		env := ""
		if slices.Contains(tokenEnv, o.name) {
			env = o.env()
		}
		writeOption(&b, o, env)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// list is words with commas between them, and blanks if you like.
func list(to *[]string) flag.Value {
	return newValue(to, nil, func(s string) ([]string, error) {
		words := strings.Split(s, ",")
		for i := range words {
			words[i] = strings.TrimSpace(words[i])
		}
		return words, nil
	}, func(words []string) string { return strings.Join(words, ",") })
}

// maxExpiry is how far away the end of a token may be.
const maxExpiry = 100 * 365 * 24 * time.Hour

// expiry is a time that may be in days, or never, which is 0.
func expiry(to *time.Duration, preset time.Duration) flag.Value {
	return newValue(to, preset, func(s string) (time.Duration, error) {
		if s == "never" {
			return 0, nil
		}
		d, err := parseTime(s)
		if days, ok := strings.CutSuffix(s, "d"); ok {
			var n uint64
			n, err = strconv.ParseUint(days, 10, 16)
			d = time.Duration(n) * 24 * time.Hour
		}
		if err != nil || d < time.Second || d > maxExpiry {
			return 0, fmt.Errorf("%q is not a time from a second to 100 years, like 3600, 1h or 30d, nor never", s)
		}
		return d, nil
	}, func(d time.Duration) string { return strings.TrimSuffix(d.String(), "0m0s") })
}
