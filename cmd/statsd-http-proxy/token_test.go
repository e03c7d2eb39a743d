package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/metric"
)

func TestPrintedTokensAreAccepted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(file, []byte("one\r\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(secret string, args []string, want auth.Grant) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(append([]string{"token"}, args...), &stdout, &stderr); code != 0 {
			t.Fatalf("%q: exit code %d, %s", args, code, &stderr)
		}
		keys, err := auth.LoadKeys(auth.KeySources{Secrets: []string{secret}})
		if err != nil {
			t.Fatal(err)
		}
		requireExp := !strings.Contains(strings.Join(args, " "), "never")
		v, err := auth.New(auth.Options{Keys: keys, RequireExp: requireExp})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		got, err := v.Verify([]byte(strings.TrimSuffix(stdout.String(), "\n")))
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", args, diff)
		}
	}
	const all = metric.AllKinds
	f("s", []string{"--jwt-secret=s"}, auth.Grant{Scope: metric.Scope{Kinds: all}})
	f("s", []string{"--jwt-secret=s", "--expires=never"}, auth.Grant{Scope: metric.Scope{Kinds: all}})
	f("s", []string{"--jwt-secret=s", "--expires=36500d"}, auth.Grant{Scope: metric.Scope{Kinds: all}})
	f("one", []string{"--jwt-secret-file=" + file}, auth.Grant{Scope: metric.Scope{Kinds: all}})
	f("s", []string{"--jwt-secret=s", "--rate=0.5", "--burst=20", "--max-series=100"}, auth.Grant{
		Scope:  metric.Scope{Kinds: all},
		Limits: auth.Limits{Rate: 0.5, Burst: 20, MaxSeries: 100},
	})
	f("s", []string{"--jwt-secret=s", "--metrics=web.*,größe", "--types=count,timing", "--tags=env,app.*", "--prefix=shop", `--subject=<demo> "`}, auth.Grant{
		Subject: `<demo> "`,
		Scope: metric.Scope{
			Metrics: metric.Patterns{[]byte("web.*"), []byte("größe")},
			Kinds:   1<<metric.Count | 1<<metric.Timing,
			Tags:    metric.Patterns{[]byte("env"), []byte("app.*")},
			Prefix:  []byte("shop"),
		},
	})
}
