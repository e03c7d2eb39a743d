package config

import (
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Token holds the options of the command token. The tag of a field is the name
// of its option; the table tokenOptions says what it means.
type Token struct {
	Secret     string `option:"jwt-secret"` // or else there is a SecretFile
	SecretFile string `option:"jwt-secret-file"`

	Expires  time.Duration `option:"expires"` // 0 for a token that does not expire
	Metrics  []string      `option:"metrics"` // nil for all names
	Types    []string      `option:"types"`   // nil for all types
	Tags     []string      `option:"tags"`    // nil for all tag keys
	Prefix   string        `option:"prefix"`
	Subject  string        `option:"subject"`
	Issuer   string        `option:"issuer"`
	Audience string        `option:"audience"`

	// Limits of the subject, instead of those of the proxy; 0 for the proxy's.
	Rate      float64 `option:"rate"`
	Burst     int     `option:"burst"`
	MaxSeries int     `option:"max-series"`

	File string `option:"config"`
	Help bool   `option:"help"`
}

// tokenOptions is the table of the options of the command token.
var tokenOptions = []group{{"Options", []option{
	{name: "jwt-secret", kind: text("SECRET"), rejectsEmpty: true,
		help: `Secret to sign with. Other users of the machine can read it in the list of processes:
prefer --jwt-secret-file or the environment variable STATSD_HTTP_PROXY_JWT_SECRET.`},
	{name: "jwt-secret-file", kind: text("FILE"), rejectsEmpty: true,
		help: `File with one secret per line. The first one signs. The environment variable is
STATSD_HTTP_PROXY_JWT_SECRET_FILE.`},
	{name: "expires", kind: expiry(), preset: "1h",
		help: `Time for which the token is valid: a number of seconds, or with a unit such as 90m, 12h
or 30d; or never.`},
	{name: "metrics", kind: list("PATTERNS"), rejectsEmpty: true,
		help: `Patterns of the names that the client may write, such as "web.*,app.checkout". An
asterisk matches any characters. By default the client may write all names.`},
	{name: "types", kind: list("TYPES"), rejectsEmpty: true,
		help: `Types that the client may write, such as "count,timing". By default it may write all.`},
	{name: "tags", kind: list("PATTERNS"), rejectsEmpty: true,
		help: `Patterns of the tag keys that the client may write, such as "env,app.*". By default it
may write all.`},
	{name: "prefix", kind: text("PREFIX"),
		help: `Prefix of every name, after --metric-prefix of the proxy.`},
	{name: "subject", kind: text("NAME"),
		help: `Client that the token is for (claim "sub"). The proxy's --rate-limit counts by it.`},
	{name: "issuer", kind: text("NAME"),
		help: `Issuer (claim "iss"), for proxies with --jwt-issuer.`},
	{name: "audience", kind: text("NAME"),
		help: `Audience (claim "aud"), for proxies with --jwt-audience.`},
	{name: "rate", kind: rate(false),
		help: `Metrics per second that the subject may send (claim "rate"), instead of --rate-limit of
the proxy.`},
	{name: "burst", kind: countFrom1(maxBurst),
		help: `Metrics that the subject may send at once (claim "burst"), instead of --rate-burst of
the proxy.`},
	{name: "max-series", kind: countFrom1(maxSeries),
		help: `Number of series that the subject may have in use (claim "max_series"), instead
of --max-series of the proxy.`},
	{name: "config", kind: text("FILE"), rejectsEmpty: true,
		help: `Configuration file of the proxy. The secret is read from its options jwt-secret (the
first one) and jwt-secret-file; the others are ignored. The environment variable is
STATSD_HTTP_PROXY_CONFIG.`},
	{name: "help", kind: onOff(), onlyFlag: true,
		help: `Print this help and exit.`},
}}}

// ParseToken reads the options of the command token from its arguments. If these
// contain no secret, it reads the secret from the environment, or else from the
// configuration file. The error is one line that names the option, and contains
// no secret.
func ParseToken(args []string) (*Token, error) {
	flags, err := parseArguments(args, tokenOptions)
	if err != nil {
		return nil, err
	}
	t := new(Token)
	if err := bind(t, tokenOptions).apply(flags); err != nil {
		return nil, err
	}
	if t.Help {
		return nil, ErrHelp
	}
	variables, _ := readEnvironment(os.Environ(), options)
	if _, ok := last(flags, "config"); !ok {
		t.File, _ = last(variables, "config")
	}
	if t.Secret == "" && t.SecretFile == "" {
		if err := t.setSecret(variables); err != nil {
			return nil, err
		}
	}
	if t.Secret == "" && t.SecretFile == "" && t.File != "" {
		lines, err := readFile(t.File, options)
		if err == nil {
			err = t.setSecret(lines)
		}
		if err != nil {
			return nil, err
		}
	}
	if t.Secret == "" && t.SecretFile == "" {
		return nil, errors.New("there is no secret to sign with: give --jwt-secret-file or --jwt-secret")
	}
	return t, nil
}

// setSecret sets the secrets to those in settings of the proxy. Of several
// secrets the first one signs.
func (t *Token) setSecret(settings []setting) error {
	c := new(Config)
	secrets := slices.DeleteFunc(settings, func(s setting) bool {
		return s.option.name != "jwt-secret" && s.option.name != "jwt-secret-file"
	})
	if err := bind(c, options).apply(secrets); err != nil {
		return err
	}
	if len(c.JWTSecrets) > 0 {
		t.Secret = c.JWTSecrets[0]
	}
	t.SecretFile = c.JWTSecretFile
	return nil
}

// WriteTokenHelp writes the text of token --help.
func WriteTokenHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`statsd-http-proxy token prints a token (a JWT, signed with HS256) for a proxy that has the
same secret.

Usage:
  statsd-http-proxy token --jwt-secret-file=FILE [--option=value ...]

Options:
`)
	for _, g := range tokenOptions {
		for i := range g.options {
			writeOption(&b, &g.options[i])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// maxExpiry is the longest time for which a token can be valid.
const maxExpiry = 100 * 365 * 24 * time.Hour

// expiry accepts times that may be in days, and never, which is 0.
func expiry() kind {
	return kind{name: "TIME", parse: func(s string) (any, error) {
		if s == "never" {
			return time.Duration(0), nil
		}
		d, err := parseTime(s)
		if days, ok := strings.CutSuffix(s, "d"); ok {
			var n uint64
			n, err = strconv.ParseUint(days, 10, 16)
			d = time.Duration(n) * 24 * time.Hour
		}
		if err != nil || d < time.Second || d > maxExpiry {
			return nil, errors.New("want a time from a second to 100 years, such as 3600, 1h or 30d, or never")
		}
		return d, nil
	}}
}
