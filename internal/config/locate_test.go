package config

import (
	"errors"
	"testing"
)

func TestErrorsNameTheSourceOfAnOption(t *testing.T) {
	file := writeFile(t, "cors-origins https://a.example\ncors-origins b, https://c.example\nmetric-prefix a:b\n")
	f := func(args []string, err, want string) {
		t.Helper()
		if got := Locate(args, errors.New(err)); got.Error() != want {
			t.Errorf("%q, %s: got %s, want %s", args, err, got, want)
		}
	}
	f(nil, "--tags: a", "--tags: a")
	f([]string{"--tags=a"}, "--tags: a", "--tags: a")
	f([]string{"--config=" + file}, `--cors-origins: "b" is bad`, file+`:2: cors-origins: "b" is bad`)
	f([]string{"--config=" + file}, `--cors-origins: "https://a.example" is bad`, file+`:1: cors-origins: "https://a.example" is bad`)
	f([]string{"--config=" + file, "--cors-origins=b"}, `--cors-origins: "b" is bad`, `--cors-origins: "b" is bad`)
	f([]string{"--config=" + file}, `--metric-prefix: "a:b" is bad`, file+`:3: metric-prefix: "a:b" is bad`)
	f([]string{"--config=absent"}, "--tags: a", "--tags: a")
	f(nil, "nonsense", "nonsense")
	t.Setenv("STATSD_HTTP_PROXY_TAGS", "a")
	f(nil, "--tags: a: b", "STATSD_HTTP_PROXY_TAGS: a: b")
}
