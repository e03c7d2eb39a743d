package test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestOptionsShapeNamesAndTags(t *testing.T) {
	for _, test := range []struct {
		name       string
		args       []string
		metric     string
		tags       string // like env=prod,locale=en-us
		head, tail string // of the line, around the value
	}{
		{"configured tags alone", []string{"--tags=env=prod,region=eu"}, "hits", "", "hits,env=prod,region=eu", ""},
		{"configured tags behind others", []string{"--tags=env=prod,region=eu"}, "hits", "a=b", "hits,a=b,env=prod,region=eu", ""},
		{"own tag wins", []string{"--tags=env=prod,region=eu"}, "hits", "env=test", "hits,env=test,region=eu", ""},
		{"both own tags win", []string{"--tags=env=prod,region=eu"}, "hits", "region=us,env=test", "hits,region=us,env=test", ""},
		{"a part of a key is another key", []string{"--tags=env=prod"}, "hits", "env2=a,my env=b", "hits,env2=a,my_env=b,env=prod", ""},
		{"a value is no key", []string{"--tags=env=prod"}, "hits", "a=env", "hits,a=env,env=prod", ""},
		{"own tag wins when it is folded", []string{"--tags=ENV=Prod,region=eu", "--lowercase"}, "hits", "Env=Test", "hits,env=test,region=eu", ""},

		{"configured tags for Graphite", []string{"--tags=env=prod,region=eu", "--tag-format=graphite"}, "hits", "env=test", "hits;env=test;region=eu", ""},
		{"configured tags for DogStatsD", []string{"--tags=env=prod,region=eu", "--tag-format=dogstatsd"}, "hits", "env=test", "hits", "|#env:test,region:eu"},
		{"configured tags for Librato", []string{"--tags=env=prod,region=eu", "--tag-format=librato"}, "hits", "env=test", "hits#env=test,region=eu", ""},
		{"configured tags for SignalFx", []string{"--tags=env=prod,region=eu", "--tag-format=signalfx"}, "hits", "env=test", "hits[env=test,region=eu]", ""},
		{"configured tags left out", []string{"--tags=env=prod,region=eu", "--tag-format=none"}, "hits", "env=test", "hits", ""},

		{"case is kept", nil, "Some.Key", "Env=Prod", "Some.Key,Env=Prod", ""},
		{"lower case", []string{"--lowercase"}, "Some.KEY", "Env=PROD,Straße=ÄÖÜ", "some.key,env=prod,straße=äöü", ""},
		{"lower case of the prefix", []string{"--lowercase", "--metric-prefix=My.Shop"}, "Hits", "", "my.shop.hits", ""},
		{"lower case for Graphite", []string{"--lowercase", "--name-format=graphite"}, "Größe(cm)", "Env=Größe(cm)", "gr__e_cm_,env=größe(cm)", ""},

		{"names for Graphite leave tags alone", []string{"--name-format=graphite"}, "a/b", "p/q=r/s", "a_b,p/q=r/s", ""},
		{"names for Prometheus with a prefix", []string{"--name-format=prometheus", "--metric-prefix=my.shop"}, "page-load", "", "my_shop_page_load", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			statsd := startReceiver(t)
			proxy := startProxy(t, append(test.args, "--statsd-port="+statsd.port)...)
			want := sendInEachForm(t, proxy, test.metric, test.tags, test.head, test.tail)
			proxy.Stop(t)
			if got := statsd.all(t); !slices.Equal(got, want) {
				t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
			}
		})
	}
}

// sendInEachForm sends a count as a metric of its own, as an array and as
// lines, and returns the lines that have to leave.
func sendInEachForm(t *testing.T, p *proxy, metric, tags, head, tail string) (want []string) {
	t.Helper()
	p.mustSend(t, "/count", fmt.Sprintf(`{"metric": %q, "value": 1, "tags": %q}`, metric, tags))
	p.mustTake(t, fmt.Sprintf(`[{"metric": %q, "metric_type": "count", "value": 2, "tags": %q}]`, metric, tags), 1)
	behindName := ""
	if tags != "" {
		behindName = "," + tags
	}
	p.mustTake(t, metric+behindName+":3|c", 1)
	for value := range 3 {
		want = append(want, fmt.Sprintf("%s:%d|c%s", head, value+1, tail))
	}
	return want
}

// namesRow matches a row of the table of names in docs/statsd-servers.md:
//
//	| `cart/items-sold` | `cart/items-sold` | `cart_items-sold` | `cart_items_sold` | `cart/items-sold` |
var namesRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\|$")

func TestNamesBecomeWhatTheReadmeSays(t *testing.T) {
	readme, err := os.ReadFile("../docs/statsd-servers.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := namesRow.FindAllStringSubmatch(string(readme), -1)
	if len(rows) < 3 {
		t.Fatalf("rows of the table of names: got %d, want 3 or more", len(rows))
	}
	for column, arg := range []string{"--name-format=any", "--name-format=graphite", "--name-format=prometheus", "--lowercase"} {
		t.Run(arg, func(t *testing.T) {
			statsd := startReceiver(t)
			proxy := startProxy(t, "--statsd-port="+statsd.port, arg)
			var want []string
			for _, row := range rows {
				want = append(want, sendInEachForm(t, proxy, row[1], "", row[2+column], "")...)
			}
			proxy.Stop(t)
			if got := statsd.all(t); !slices.Equal(got, want) {
				t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
			}
		})
	}
}

func TestNamesForPrometheusArriveThere(t *testing.T) {
	port, export := startExporter(t)
	proxy := startProxy(t, "--statsd-port="+port, "--name-format=prometheus", "--metric-prefix=my.shop", "--tags=region=eu")
	want := map[string]string{ // by the name that is posted
		"Page.load time":    "my_shop_Page_load_time",
		"cart/items-sold":   "my_shop_cart_items_sold",
		"Größe(cm)":         "my_shop_Gr__e_cm_",
		"double--dash":      "my_shop_double__dash", // which the exporter itself would keep
		"100%":              "my_shop_100_",
		"already_fine_2":    "my_shop_already_fine_2",
		"x[y]{z}<>&'\"\\~!": "my_shop_x_y__z_________",
	}
	var exported []string
	for posted, name := range want {
		sendInEachForm(t, proxy, posted, "", "", "")
		exported = append(exported, name+`{region="eu"} 6`)
	}
	waitForExport(t, export, exported)
	lines := export()
	checkExporter(t, lines, 3*len(want))
	got := slices.DeleteFunc(lines, func(line string) bool { return !strings.HasPrefix(line, "my_") })
	if slices.Sort(exported); !slices.Equal(got, exported) {
		t.Errorf("the exporter exports\ngot  %q\nwant %q", got, exported)
	}
}
