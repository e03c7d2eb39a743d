package http

import (
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestOptionsChangeNamesAndTags(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		args       []string
		metric     string
		tags       string // like env=prod,locale=en-us
		head, tail string // of the line, before and after the value
	}{
		{"configured tags only", []string{"--tags=env=prod,region=eu"}, "hits", "", "hits,env=prod,region=eu", ""},
		{"configured tags among others", []string{"--tags=env=prod,region=eu"}, "hits", "a=b", "hits,a=b,env=prod,region=eu", ""},
		{"own tag wins", []string{"--tags=env=prod,region=eu"}, "hits", "env=test", "hits,env=test,region=eu", ""},
		{"both own tags win", []string{"--tags=env=prod,region=eu"}, "hits", "region=us,env=test", "hits,env=test,region=us", ""},
		{"a key that begins like a configured key", []string{"--tags=env=prod"}, "hits", "env2=a,my env=b", "hits,env=prod,env2=a,my_env=b", ""},
		{"a value like a configured key", []string{"--tags=env=prod"}, "hits", "a=env", "hits,a=env,env=prod", ""},
		{"own tag wins in lower case", []string{"--tags=ENV=Prod,region=eu", "--lowercase"}, "hits", "Env=Test", "hits,env=test,region=eu", ""},

		{"configured tags for Graphite", []string{"--tags=env=prod,region=eu", "--tag-format=graphite"}, "hits", "env=test", "hits;env=test;region=eu", ""},
		{"configured tags for DogStatsD", []string{"--tags=env=prod,region=eu", "--tag-format=dogstatsd"}, "hits", "env=test", "hits", "|#env:test,region:eu"},
		{"configured tags for Librato", []string{"--tags=env=prod,region=eu", "--tag-format=librato"}, "hits", "env=test", "hits#env=test,region=eu", ""},
		{"configured tags for SignalFx", []string{"--tags=env=prod,region=eu", "--tag-format=signalfx"}, "hits", "env=test", "hits[env=test,region=eu]", ""},
		{"no tags", []string{"--tags=env=prod,region=eu", "--tag-format=none"}, "hits", "env=test", "hits", ""},

		{"case is kept", nil, "Some.Key", "Env=Prod", "Some.Key,Env=Prod", ""},
		{"lower case", []string{"--lowercase"}, "Some.KEY", "Env=PROD,Straße=ÄÖÜ", "some.key,env=prod,straße=äöü", ""},
		{"lower case of the prefix", []string{"--lowercase", "--metric-prefix=My.Shop"}, "Hits", "", "my.shop.hits", ""},
		{"lower case for Graphite", []string{"--lowercase", "--name-format=graphite"}, "Größe(cm)", "Env=Größe(cm)", "gr__e_cm_,env=größe(cm)", ""},

		{"names for Graphite leave tags alone", []string{"--name-format=graphite"}, "a/b", "p/q=r/s", "a_b,p/q=r/s", ""},
		{"names for Prometheus with a prefix", []string{"--name-format=prometheus", "--metric-prefix=my.shop"}, "page-load", "", "my_shop_page_load", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := testutil.StartProxy(t, append(test.args, "--statsd-port="+statsd.Port)...)
			want := testutil.SendInEachForm(t, proxy, test.metric, test.tags, test.head, test.tail)
			statsd.MustHaveReceived(t, proxy, want...)
		})
	}
}
