package clients

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// The npm package statsd-client sends lines by PUT if its host begins with http://.
func TestStatsDClientSendsByPUT(t *testing.T) {
	t.Parallel()
	node := testutil.NeedCommand(t, "node")
	testutil.NeedFile(t, "test/node_modules/statsd-client/package.json")
	const secret = "somesecret"
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--histograms", "--jwt-secret="+secret)
	cmd := exec.Command(node, testutil.Path("test/clients/programs/statsd-client.mjs"), proxy.URL, testutil.NewToken(t, secret))
	testutil.MustRun(t, cmd)
	proxy.Stop(t)

	const tags = ",env=prod,region=eu:"
	want := []string{
		"shop.visits" + tags + "1|c", "shop.visits" + tags + "4|c", "shop.stock" + tags + "-2|c", "shop.ratio" + tags + "0.5|c",
		"shop.level" + tags + "7|g", "shop.cold" + tags + "0|g", "shop.cold" + tags + "-5|g",
		"shop.level" + tags + "-3|g", "shop.level" + tags + "+2.5|g",
		"shop.users" + tags + "alice|s", "shop.spent,env=prod,page=home,region=eu:320|ms", "shop.size" + tags + "12|h", "shop.length" + tags + "3|d",
		"shop.cart.items,env=test,region=eu:2|c",
	}
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("many.with.a.long.name.%d:1|c", i))
	}
	// The requests for many are not in order: each has a connection of its own.
	var got, gotMany []string
	for _, line := range statsd.All(t) {
		if strings.HasPrefix(line, "many.") {
			gotMany = append(gotMany, line)
		} else {
			got = append(got, line)
		}
	}
	slices.Sort(many)
	slices.Sort(gotMany)
	if !slices.Equal(got, want) {
		t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
	}
	if !slices.Equal(gotMany, many) {
		t.Errorf("StatsD received %d of %d lines: %s", len(gotMany), len(many), difference(gotMany, many))
	}
}
