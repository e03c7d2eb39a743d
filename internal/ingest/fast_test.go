package ingest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/proxytest"
)

// fastLines and fastEntries are entries of batches, most of which take a fast path. Some
// are rejected, with and without options.
var (
	fastLines = []string{
		"a:1|c", "a,env=prod:1|c", "a,env=prod,page=home:12|c", "a,page=home,env=prod:1|c", "b,env=prod:320|ms", "b,env=prod:320|ms|@0.5", "b,user=u1:1|g", "a,other=x:1|c", "a,more=y:1|c",
		"a:0|g", "a:-5|g", "constructor:1|c", "b:1|h", "b,le=1:1|c", "b:x|c", "b:1|ms|@0.0001", "b,__k=1:1|c", "c:1:2|c",
	}
	fastEntries = []string{
		`"metric":"a","metric_type":"count","value":1`, `"metric": "a", "metric_type": "count", "value": 12, "tags": "env=prod,page=home"`, `"name":"a","type":"gauge","value":5,"tags":"page=home,env=prod"`,
		`"metric":"a","type":"count","value":1,"tags":{"env":"prod","page":"home"}`, `"metric":"b","type":"timing","value":320,"sampleRate":1,"tags":"env=prod"`, `"metric":"b","type":"set","value":"alice","tags":{"user":"u1"}`,
		`"metric":"a","type":"count","value":1,"tags":"other=x"`, `"metric":"a","type":"count","value":1,"tags":{"more":"y"}`, `"metric":"b","type":"count","value":"7"`, `"metric":"a","type":"gauge","value":-5`,
		`"metric":"constructor","type":"count","value":1`, `"metric":"b","type":"histogram","value":1`, `"metric":"b","type":"count","value":1,"tags":"le=1"`, `"metric":"b","type":"count","value":1,"tags":{"a":"1,b=2"}`,
		`"metric":"b","type":"count"`, `"metric":"b","type":"set","value":""`, `"metric":"b:","type":"count","value":1`, `"metric":"b","type":"count","value":1,"tags":"env=prod,env=test"`, `"metric":"b","value":1`,
	}
)

// TestFastPathsChangeNothing sends the same entries to two proxies, in batches. One of them
// gets them in a form that takes no fast path.
func TestFastPathsChangeNothing(t *testing.T) {
	withKeys := func(o *proxytest.Options) { o.TagKeys = limit.NewTagKeys(3) }
	withSeries := func(o *proxytest.Options) { o.Series = limit.NewSeries(4) }
	patterns, err := metric.ParsePatterns([]string{"env", "p*"})
	if err != nil {
		t.Fatal(err)
	}
	token := "X-JWT-Token: " + proxytest.Token(t, jwt.MapClaims{"sub": "shop", "metrics": []string{"a*"}, "types": []string{"count", "gauge"}, "prefix": "shop", "max_series": 3})
	for i, options := range [][]func(*proxytest.Options){
		{}, {withKeys}, {withSeries}, {withKeys, withSeries}, {withKeys, withRates(150)}, {withKeys, proxytest.WithTokens},
		{withKeys, proxytest.WithMetrics(t, metric.Options{Flavor: metric.FlavorDatadog})},
		{withKeys, withSeries, proxytest.WithMetrics(t, metric.Options{Prefix: "pre", AllowTags: patterns, Flavor: metric.FlavorTelegraf})},
		{withKeys, proxytest.WithMetrics(t, metric.Options{Tags: []metric.Tag{{Key: []byte("env"), Value: []byte("test")}}})},
	} {
		fast, slow := proxytest.Start(t, options...), proxytest.Start(t, options...)
		random := rand.New(rand.NewPCG(1, uint64(i)))
		for range 25 {
			var lines, slowLines, entries, slowEntries []string
			for range 1 + random.IntN(6) {
				line, entry := fastLines[random.IntN(len(fastLines))], fastEntries[random.IntN(len(fastEntries))]
				lines, slowLines = append(lines, line), append(slowLines, " "+line)
				entries, slowEntries = append(entries, "{"+entry+"}"), append(slowEntries, "{ "+entry+"}")
			}
			linesStatus := compareBatches(t, fast, slow, strings.Join(lines, "\n"), strings.Join(slowLines, "\n"), token)
			status := compareBatches(t, fast, slow, "["+strings.Join(entries, ", ")+"]", "["+strings.Join(slowEntries, ", ")+"]", token)
			if linesStatus == http.StatusTooManyRequests || status == http.StatusTooManyRequests {
				break // each response would take ingest.RateDelay
			}
		}
		if got, want := countsOf(fast), countsOf(slow); !maps.Equal(got, want) {
			t.Errorf("options %d: counted %v, want %v", i, got, want)
		}
	}
}

// compareBatches sends fastBody to fast and slowBody to slow, and compares the responses and
// the lines. It returns the status.
func compareBatches(t *testing.T, fast, slow *proxytest.Proxy, fastBody, slowBody, token string) (status int) {
	t.Helper()
	got, want := fast.Do("POST", "/batch", fastBody, token), slow.Do("POST", "/batch", slowBody, token)
	sent, wantSent := fast.Sink.Take(), slow.Sink.Take()
	if got.Status != want.Status || got.Body != want.Body || !slices.Equal(sent, wantSent) {
		t.Errorf("%q: got %s, want %s", fastBody, fmt.Sprintf("%d %s %q", got.Status, got.Body, sent), fmt.Sprintf("%d %s %q", want.Status, want.Body, wantSent))
	}
	return got.Status
}
