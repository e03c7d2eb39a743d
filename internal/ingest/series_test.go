package ingest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/proxytest"
)

func TestNewSeriesAreLimited(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.Series = limit.NewSeries(2) })
	send := func(name, body string) proxytest.Response { return p.Do("POST", "/count/"+name, body) }
	p.Forwards("first", send("a", "value=1"), "a:1|c")
	p.Forwards("second", send("a", "value=1&tags=env=prod"), "a,env=prod:1|c")
	rejectsForLimit(p, "third", send("b", "value=1"), `too many series are in use for the new one of "b"`)
	rejectsForLimit(p, "other tags", send("a", "value=1&tags=env=test"), "too many series")
	p.Forwards("known", send("a", "value=2"), "a:2|c")
	p.Forwards("known, of another type", p.Do("POST", "/gauge/a", "value=-5"), "a:0|g\na:-5|g")
	postBatch(p, "b:1|c\na:3|c", 200,
		`{"accepted":1,"rejected":[{"index":0,"error":"too many series are in use for the new one of \"b\""}]}`, "a:3|c")
}

// TestRejectedBatchesKeepNoSeriesOut sends batches that would fill the table and that are
// rejected as a whole.
func TestRejectedBatchesKeepNoSeriesOut(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens, withRates(10), func(o *proxytest.Options) { o.Series = limit.NewSeries(3) })
	send := func(subject, body string) proxytest.Response {
		return p.Do("POST", "/batch", body, "X-JWT-Token: "+proxytest.Token(t, jwt.MapClaims{"sub": subject}))
	}
	var names strings.Builder
	for i := range 11 {
		fmt.Fprintf(&names, "made.up.%d:1|c\n", i)
	}
	p.Rejects("more than the burst", send("evil", names.String()), 413, "more than the 10 metrics")
	p.Rejects("broken at its end", send("other", `[{"metric":"x","metric_type":"count"},{"metric":"y","metric_type":"count"},`), 400, "breaks off")
	a := send("good", "a:1|c\nb:1|c\nc:1|c")
	if sent := p.Sink.Take(); a.Status != 200 || len(sent) != 3 {
		t.Errorf("the series of rejected batches keep others out: %d %s", a.Status, a.Body)
	}
}

// TestBatchIsSentWithoutItsNewSeries has new series before, between and after known ones.
func TestBatchIsSentWithoutItsNewSeries(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.Series = limit.NewSeries(2) })
	postBatch(p, "a:1|c\nb:1|c\nc:1|c\na:-1|g\nx:y|c\nd:1:2|ms\nb:3:4|ms", 200,
		`{"accepted":4,"rejected":[{"index":2,"error":"too many series are in use for the new one of \"c\""},`+
			`{"index":4,"error":"parameter \"value\": \"y\" is not a number"},`+
			`{"index":5,"error":"too many series are in use for the new one of \"d\""}]}`,
		"a:1|c", "b:1|c", "a:-1|g", "b:3|ms", "b:4|ms")
	postBatch(p, `[{"metric":"new","metric_type":"count"},{"metric":"a","metric_type":"gauge","value":-5}]`, 200,
		`{"accepted":1,"rejected":[{"index":0,"error":"too many series are in use for the new one of \"new\""}]}`,
		"a:0|g\na:-5|g")
	postBatch(p, "e:1|c\nf:1|c", 400,
		`{"accepted":0,"rejected":[{"index":0,"error":"too many series are in use for the new one of \"e\""},`+
			`{"index":1,"error":"too many series are in use for the new one of \"f\""}]}`)

	// The first twenty rejections are listed, whatever their reasons are.
	var batch strings.Builder
	for i := range 50 {
		fmt.Fprintf(&batch, "made.up.%d:1|c\nbad:%d|x\n", i, i)
	}
	answer := p.Do("POST", "/batch", batch.String())
	var body struct {
		Rejected []struct{ Index int }
	}
	if err := json.Unmarshal([]byte(answer.Body), &body); err != nil {
		t.Fatal(err)
	}
	for i := range body.Rejected {
		if body.Rejected[i].Index != i {
			t.Errorf("rejection %d has the index %d", i, body.Rejected[i].Index)
		}
	}
	if len(body.Rejected) != ingest.MaxRejections {
		t.Errorf("%d rejections are listed, want %d", len(body.Rejected), ingest.MaxRejections)
	}
}

// TestMetricsThatAreNotSentUseNoSeries sends metrics that are sampled out or
// invalid.
func TestMetricsThatAreNotSentUseNoSeries(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.Series = limit.NewSeries(1) })
	for i := range 20 {
		if a := p.Do("POST", fmt.Sprintf("/count/sampled%d", i), "value=1&sampleRate=0.0001"); a.Status != 200 {
			t.Fatalf("a metric that is sampled out: %d %s", a.Status, a.Body)
		}
		if p.Sink.Take() != nil {
			return // one metric in 10,000 is forwarded, and uses the only series
		}
		p.Rejects("bad", p.Do("POST", fmt.Sprintf("/count/bad%d", i), "value=x"), 400, "value")
	}
	p.Forwards("the only one", p.Do("POST", "/count/k", "value=1"), "k:1|c")
}

func TestTagKeysAreLimited(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) {
		o.TagKeys, o.Series = limit.NewTagKeys(3), limit.NewSeries(3)
	})
	f := func(tags string) proxytest.Response { return p.Do("POST", "/count/k", "value=1&tags="+tags) }
	p.Forwards("two keys", f("a=1,b=1"), "k,a=1,b=1:1|c")
	p.Rejects("two more", f("b=1,c=1,d=1"), 429, `the key "d" would be one tag key too many`)
	if got := f("c=1,d=1").Header.Get("Retry-After"); got != "3600" {
		t.Errorf("the response asks to retry after %q s, want 3600", got)
	}
	// Keys of metrics that are rejected for another reason do not count.
	p.Rejects("a bad value", p.Do("POST", "/count/k", "value=x&tags=x=1"), 400, "not a number")
	p.Rejects("a bad batch", p.Do("POST", "/batch", `[{"metric":"k","metric_type":"count","tags":"x=1"},`), 400, "breaks off")
	p.Sink.Fail(errors.New("the send queue is full"))
	p.Rejects("a full queue", f("x=1"), 503, "full")
	p.Sink.Fail(nil)
	postBatch(p, "k,a=1,b=2,c=3:1|c\nk,d=1:1|c\nk,c=1:x|c\nk,c=1:1|c", 200,
		`{"accepted":2,"rejected":[{"index":1,"error":"parameter \"tags\": the key \"d\" would be one tag key too many; --max-tag-keys limits them"},`+
			`{"index":2,"error":"parameter \"value\": \"x\" is not a number"}]}`,
		"k,a=1,b=2,c=3:1|c", "k,c=1:1|c")
	p.Forwards("known keys", f("b=1,a=1"), "k,a=1,b=1:1|c")
	rejectsForLimit(p, "one series too many", f("a=9,b=9,c=9"), "too many series")

	// A series that is rejected takes no room for its keys.
	p = proxytest.Start(t, func(o *proxytest.Options) {
		o.TagKeys, o.Series = limit.NewTagKeys(1), limit.NewSeries(1)
	})
	p.Forwards("the only series", p.Do("POST", "/count/k", "value=1"), "k:1|c")
	rejectsForLimit(p, "another series", f("a=1"), "too many series")
	p.Options.Series.Remove(limit.HashSeries([]byte("k"), nil))
	p.Forwards("another key", f("b=1"), "k,b=1:1|c")
}
