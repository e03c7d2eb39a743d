//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	"statsd-http-proxy/internal/auth"
)

// secret signs the tokens.
const secret = "0123456789abcdef0123456789abcdef"

// batchMetrics is the number of metrics in a batch.
const batchMetrics = 100

// turnRequests is the number of requests that a server gets in a turn. It is
// small, so that other work of the machine affects all servers alike, but larger
// than the number of connections, so that all of them are used.
const turnRequests = 250

// row is a kind of request, and a row of the table of costs.
type row struct {
	name, description string
	protocol          string
	options           []string // flags for the proxies
	metrics           int      // in a request; 0 if only empty servers are measured
	turnRequests      int      // requests to a server in a round

	// The HTTP/2 connections of the load, and the requests that each of them has open.
	// 0 connections are those of all rows.
	ownConnections, streams int

	// request returns the request that a connection sends.
	request func(conn int) []byte

	// The project's goals; 0 means none.
	maxRatio     float64 // CPU time divided by that of the empty server
	maxNginx     float64 // CPU time divided by that of nginx
	maxPerMetric float64 // CPU time of a metric in µs, beyond that of the empty server
}

// newRows returns all rows in the order of the table.
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
	http2One := func(conn int) []byte { return http2Request(count(conn), `{"value": 5}`) }
	return []row{
		{
			name: "empty", description: "one metric in JSON, to two empty servers; the difference of their ratio from 1 shows the accuracy",
			protocol:     protocolHTTP1,
			turnRequests: turnRequests,
			request:      jsonOne(""),
		},
		{
			name: "json", description: "one metric in JSON",
			protocol: protocolHTTP1,
			metrics:  1, turnRequests: turnRequests, maxRatio: 1.15, maxNginx: 1.07,
			request: jsonOne(""),
		},
		{
			name: "form", description: "one metric in a form",
			protocol: protocolHTTP1,
			metrics:  1, turnRequests: turnRequests, maxRatio: 1.15, maxNginx: 1.07,
			request: func(conn int) []byte { return post(count(conn), formType, "value=5") },
		},
		{
			name: "token", description: "one metric in JSON with a token that the proxy has verified before",
			protocol: protocolHTTP1,
			metrics:  1, turnRequests: turnRequests, maxRatio: 1.20, maxNginx: 1.12,
			options: []string{"--jwt-secret=" + secret},
			request: jsonOne(withToken),
		},
		{
			name: "full", description: "one metric in JSON with two tags, a prefix, a token, an origin, an allow list of names, and limits of rate, series and connections",
			protocol: protocolHTTP1,
			metrics:  1, turnRequests: turnRequests, maxRatio: 1.40,
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
			name: "lines", description: fmt.Sprintf("a batch of %d counts with two tags, in StatsD lines", batchMetrics),
			protocol: protocolHTTP1,
			metrics:  batchMetrics, turnRequests: turnRequests / 2, maxPerMetric: 0.25, maxNginx: 3,
			request: batch("text/plain", "", "web.page%02d.load,env=prod,locale=en-us:1|c", "\n", ""),
		},
		{
			name: "batchjson", description: fmt.Sprintf("a batch of %d counts with two tags, in JSON", batchMetrics),
			protocol: protocolHTTP1,
			metrics:  batchMetrics, turnRequests: turnRequests / 2, maxPerMetric: 0.6, maxNginx: 3.6,
			request: batch("application/json", "[",
				`{"metric": "web.page%02d.load", "metric_type": "count", "value": 1, "tags": "env=prod,locale=en-us"}`, ",", "]"),
		},
		{
			name: "https", description: "one metric in JSON over TLS",
			protocol: protocolTLS,
			metrics:  1, turnRequests: turnRequests,
			request: jsonOne(""),
		},
		{
			name: "h2", description: "one metric in JSON over HTTP/2 and TLS, with 10 connections of 100 streams each",
			protocol: protocolHTTP2,
			metrics:  1, turnRequests: 8 * turnRequests, maxNginx: 0.4,
			ownConnections: 10, streams: 100,
			request: http2One,
		},
		{
			name: "h2single", description: "the same over 32 connections with one stream at a time",
			protocol: protocolHTTP2,
			metrics:  1, turnRequests: turnRequests, maxNginx: 1,
			ownConnections: 32, streams: 1,
			request: http2One,
		},
	}, nil
}

// batch returns the request function of a batch. entry is the format of an entry,
// for its number.
func batch(contentType, before, entry, separator, after string) func(int) []byte {
	entries := make([]string, batchMetrics)
	for i := range entries {
		entries[i] = fmt.Sprintf(entry, i)
	}
	request := post("/batch", "Content-Type: "+contentType+"\r\n", before+strings.Join(entries, separator)+after)
	return func(int) []byte { return request }
}

// post returns an HTTP/1.1 request. Each line of headers ends in CR LF.
func post(path, headers, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Length: %d\r\n\r\n%s", path, headers, len(body), body)
}

// connections returns the number of the load's connections.
func (r *row) connections(b *bench) int {
	if r.ownConnections > 0 {
		return r.ownConnections
	}
	return b.connections
}

// rounds returns the number of rounds. Rows with larger turns have fewer than most, so
// that they do not take longer than others.
func (r *row) rounds(most int) int {
	return max(2, min(most, most*turnRequests/r.turnRequests))
}

// requests returns a request function for the given number of connections. It
// makes all requests in advance, so that run does not have to.
func (r *row) requests(connections int) func(conn int) []byte {
	ready := make([][]byte, connections)
	for i := range ready {
		ready[i] = r.request(i)
	}
	return func(conn int) []byte { return ready[conn] }
}
