package docs

import (
	"regexp"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// namesRow matches a row of the table of names: the name that is sent, and the names
// that StatsD receives with --name-format=any, graphite and prometheus and with
// --lowercase.
//
//	| `cart/items-sold` | `cart/items-sold` | `cart_items-sold` | `cart_items_sold` | `cart/items-sold` |
var namesRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\|$")

func TestOptionsChangeNamesAsDocumented(t *testing.T) {
	t.Parallel()
	var rows [][]string
	for _, p := range manual(t) {
		rows = append(rows, namesRow.FindAllStringSubmatch(p.prose, -1)...)
	}
	if len(rows) < 3 {
		t.Fatalf("rows of the table of names: got %d, want 3 or more", len(rows))
	}
	for column, arg := range []string{"--name-format=any", "--name-format=graphite", "--name-format=prometheus", "--lowercase"} {
		t.Run(arg, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, arg)
			var want []string
			for _, row := range rows {
				want = append(want, testutil.SendInEachForm(t, proxy, row[1], "", row[2+column], "")...)
			}
			statsd.MustHaveReceived(t, proxy, want...)
		})
	}
}
