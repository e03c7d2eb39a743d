//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	"statsd-http-proxy/internal/auth"
)

// secret signs the tokens, and is known to the proxies.
const secret = "0123456789abcdef0123456789abcdef"

// batchMetrics is how many metrics a batch has.
const batchMetrics = 100

// turnRequests is how many requests a server gets until it is the next one's
// turn: few, so that what the machine does beside falls on all of them, but more
// than the connections, which all have to be in use.
const turnRequests = 250

// row is a kind of request whose cost is measured.
type row struct {
	name, what string
	protocol   string
	options    []string // of the proxies
	metrics    int      // in a request; 0 if the request is for empty servers only
	turn       int      // how many requests a server gets in a round

	// request returns what a connection sends, each time.
	request func(conn int) []byte

	// What the project holds itself to; 0 for nothing.
	ratio float64 // of the cost to that of the empty server
	extra float64 // µs per metric over the empty server
}

// newRows returns all rows in the order in which they are shown.
func newRows() ([]row, error) {
	token, err := auth.Sign([]byte(secret), auth.Claims{
		Issuer:    "bench",
		Subject:   "demo",
		ExpiresAt: time.Now().Add(24 * time.Hour),
		Metrics:   []string{"web.*"},
		Types:     []string{"count"},
		Prefix:    "shop",
	})
	if err != nil {
		return nil, err
	}
	const (
		jsonType = "Content-Type: application/json\r\n"
		formType = "Content-Type: application/x-www-form-urlencoded\r\n"
	)
	withToken := "X-JWT-Token: " + token + "\r\n"
	count := func(conn int) string { return fmt.Sprintf("/count/web.page%02d.load", conn) }
	jsonOne := func(headers string) func(int) []byte {
		return func(conn int) []byte { return post(count(conn), headers+jsonType, `{"value": 5}`) }
	}
	return []row{
		{
			name: "empty", what: "the empty server beside another one: how exact the rest is",
			protocol: plain,
			turn:     turnRequests,
			request:  jsonOne(""),
		},
		{
			name: "json", what: "one metric, in JSON",
			protocol: plain,
			metrics:  1, turn: turnRequests, ratio: 1.15,
			request: jsonOne(""),
		},
		{
			name: "form", what: "one metric, in a form",
			protocol: plain,
			metrics:  1, turn: turnRequests, ratio: 1.15,
			request: func(conn int) []byte { return post(count(conn), formType, "value=5") },
		},
		{
			name: "token", what: "one metric in JSON, with a token that was seen before",
			protocol: plain,
			metrics:  1, turn: turnRequests, ratio: 1.20,
			options: []string{"--jwt-secret=" + secret},
			request: jsonOne(withToken),
		},
		{
			name: "full", what: "one metric in JSON with two tags; prefix, token, rules for names, series, rates, origins and connections are on",
			protocol: plain,
			metrics:  1, turn: turnRequests, ratio: 1.40,
			options: []string{
				"--jwt-secret=" + secret, "--jwt-require-exp", "--jwt-issuer=bench", "--metric-prefix=prefix.subprefix",
				"--cors-origins=https://shop.example,https://*.shop.example", "--allow-metrics=web.*,app.checkout.*",
				"--max-series=10000", "--rate-limit=1e9", "--rate-burst=1000000000", "--max-conns=20000", "--max-conns-per-ip=10000",
			},
			request: func(conn int) []byte {
				return post(count(conn), withToken+jsonType+"Origin: https://www.shop.example\r\n",
					`{"value": 5, "tags": {"env": "prod", "locale": "en-us"}}`)
			},
		},
		{
			name: "lines", what: fmt.Sprintf("a batch of %d counts with two tags, as StatsD lines", batchMetrics),
			protocol: plain,
			metrics:  batchMetrics, turn: turnRequests / 2, extra: 0.25,
			request: batch("text/plain", "", "web.page%02d.load,env=prod,locale=en-us:1|c", "\n", ""),
		},
		{
			name: "batchjson", what: fmt.Sprintf("a batch of %d counts with two tags, in JSON", batchMetrics),
			protocol: plain,
			metrics:  batchMetrics, turn: turnRequests / 2, extra: 0.6,
			request: batch("application/json", "[",
				`{"metric": "web.page%02d.load", "metric_type": "count", "value": 1, "tags": "env=prod,locale=en-us"}`, ",", "]"),
		},
		{
			name: "https", what: "one metric in JSON, over TLS",
			protocol: secure,
			metrics:  1, turn: turnRequests,
			request: jsonOne(""),
		},
		{
			name: "h2", what: fmt.Sprintf("one metric in JSON, over HTTP/2 with TLS, %d streams of a connection", streams),
			protocol: h2,
			metrics:  1, turn: turnRequests, ratio: 1.15,
			request: func(int) []byte { return http2Request("/count/web.page00.load", `{"value": 5}`) },
		},
	}, nil
}

// batch returns the requests for a batch of entries, which are made from a
// format for their number and joined by separator.
func batch(contentType, before, entry, separator, after string) func(int) []byte {
	entries := make([]string, batchMetrics)
	for i := range entries {
		entries[i] = fmt.Sprintf(entry, i)
	}
	request := post("/batch", "Content-Type: "+contentType+"\r\n", before+strings.Join(entries, separator)+after)
	return func(int) []byte { return request }
}

func post(path, headers, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Length: %d\r\n\r\n%s", path, headers, len(body), body)
}

// requests returns the requests of each connection, made before the
// measurement.
func (r *row) requests(connections int) func(conn int) []byte {
	ready := make([][]byte, connections)
	for i := range ready {
		ready[i] = r.request(i)
	}
	return func(conn int) []byte { return ready[conn] }
}
