package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEmptyProtectionIsAnError(t *testing.T) {
	names := []string{
		"tls-cert", "tls-key", "jwt-secret", "jwt-secret-file", "jwt-public-key-file", "jwt-jwks-url",
		"jwt-issuer", "jwt-audience", "cors-origins", "allow-metrics", "deny-metrics", "allow-tags",
		"acme-domain", "acme-cache", "acme-directory",
	}
	for _, name := range names {
		for _, value := range []string{"", " ", "\t"} {
			if _, err := Parse([]string{"--" + name + "=" + value}); err == nil || !strings.HasPrefix(err.Error(), "--"+name+" is empty") {
				t.Errorf("--%s=%q: error %v, want that it is empty", name, value, err)
			}
			variable := variablePrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			t.Run(variable, func(t *testing.T) {
				t.Setenv(variable, value)
				if _, err := Parse([]string{"--jwt-secret=s"}); err == nil || !strings.HasPrefix(err.Error(), variable+" is empty") {
					t.Errorf("%s=%q: error %v, want that it is empty", variable, value, err)
				}
			})
		}
		for _, line := range []string{name + " =", name + ` ""`, name + ` " "`} {
			file := writeFile(t, line)
			if _, err := Parse([]string{"--config=" + file}); err == nil || !strings.HasPrefix(err.Error(), file+":1: "+name+" is empty") {
				t.Errorf("a file with %q: error %v, want that it is empty", line, err)
			}
		}
	}
}

func TestListsAddUp(t *testing.T) {
	f := func(args string, get func(*Config) []string, want ...string) {
		t.Helper()
		c, err := Parse(strings.Fields(args))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			return
		}
		if diff := cmp.Diff(want, get(c)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
	f("--cors-origins=https://a,https://b --cors-origins=https://c", func(c *Config) []string { return c.CORSOrigins },
		"https://a", "https://b", "https://c")
	f("--allow-metrics=a --allow-metrics=b.*", func(c *Config) []string { return c.AllowMetrics }, "a", "b.*")
	f("--acme-domain=a.example,b.example --acme-domain=c.example", func(c *Config) []string { return c.ACMEDomains },
		"a.example", "b.example", "c.example")
	f("--tags=a=1 --tags=b=2,c=3", func(c *Config) []string { return c.Tags }, "a=1", "b=2", "c=3")
	f("--trusted-proxies=10.0.0.0/8 --trusted-proxies=::1 --trusted-proxies=", func(c *Config) []string { return c.TrustedProxies },
		"10.0.0.0/8", "::1")
	f("--jwt-secret=a --jwt-secret=b,c", func(c *Config) []string { return c.JWTSecrets }, "a", "b,c")
	f("--trusted-proxies=", func(c *Config) []string { return c.TrustedProxies })

	// A source replaces the lists of those that it overrides.
	file := writeFile(t, "tags a=1\ntags b=2\njwt-secret one\njwt-secret two\n")
	config := "--config=" + file + " "
	tags := func(c *Config) []string { return c.Tags }
	secrets := func(c *Config) []string { return c.JWTSecrets }
	f(config, tags, "a=1", "b=2")
	f(config, secrets, "one", "two")
	f(config+"--tags=c=3 --tags=d=4", tags, "c=3", "d=4")
	t.Setenv("STATSD_HTTP_PROXY_TAGS", "e=5,f=6")
	t.Setenv("STATSD_HTTP_PROXY_JWT_SECRET", "three, four")
	f(config, tags, "e=5", "f=6")
	f(config, secrets, "three, four")
	f(config+"--tags=c=3", tags, "c=3")
	f(config+"--tags=", tags)
}
