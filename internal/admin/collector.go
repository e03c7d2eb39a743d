package admin

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/metric"
)

// namespace begins the names of the proxy's own metrics.
const namespace = "statsd_http_proxy_"

// collector is the prometheus.Collector of the proxy's own metrics. Each collection reads
// the counters of all parts once.
type collector struct {
	sources Sources
}

func newCollector(sources Sources) *collector { return &collector{sources} }

// The metrics. docs/operations.md says what to do if they move.
var (
	buildInfo = newDesc("build_info", "The program; always 1.", "version", "revision", "goversion")

	httpRequests    = newDesc("http_requests_total", "Requests by their route and the status code of their response.", "route", "code")
	httpDuration    = newDesc("http_request_duration_seconds", "Time from the first byte of a request to the end of its response.")
	httpBytes       = newDesc("http_request_bytes_total", "Bytes of request bodies, as they were received.")
	httpConns       = newDesc("http_connections", "Open connections: active ones have a request that is not answered.", "state")
	httpConnsTotal  = newDesc("http_connections_total", "Connections that were accepted, or closed at once because of a limit.", "result")
	handshakes      = newDesc("tls_handshakes_total", "TLS handshakes that ended.", "result")
	handshakesWait  = newDesc("tls_handshakes_waiting", "Connections whose TLS handshake has not ended.")
	certificateEnds = newDesc("tls_certificate_expiry_timestamp_seconds", "When the certificate expires; 0 without TLS.")

	accepted   = newDesc("metrics_accepted_total", "Metrics that were put into the send queue.", "type")
	sampledOut = newDesc("metrics_sampled_out_total", "Metrics that were left out because of their sample rate.", "type")
	rejected   = newDesc("metrics_rejected_total", "Metrics that were rejected. A request that was rejected before its metrics were read counts once.", "reason")

	tokens      = newDesc("tokens_total", "Tokens that were checked, and requests without one.", "result")
	jwksSuccess = newDesc("jwks_last_success_timestamp_seconds", "When the JWK set was last fetched; 0 for never.")

	series           = newDesc("series", "Series that are in use; 0 without --max-series.")
	seriesLimit      = newDesc("series_limit", "Series that may be in use; 0 for no limit.")
	rateLimitClients = newDesc("rate_limit_clients", "Clients whose rate is limited and that are remembered.")

	linesQueued = newDesc("statsd_lines_queued_total", "Lines that were put into the send queue.", "server")
	linesSent   = newDesc("statsd_lines_sent_total", "Lines that were sent to the server and did not come back.", "server")
	linesLost   = newDesc("statsd_lines_lost_total", "Lines that were lost.", "server", "reason")
	bytesSent   = newDesc("statsd_bytes_sent_total", "Bytes of the lines that were sent.", "server")
	packetsSent = newDesc("statsd_packets_sent_total", "Packets that held the lines that were sent.", "server")
	sendErrors  = newDesc("statsd_send_errors_total", "Connections and packets that failed.", "server")
	reconnects  = newDesc("statsd_reconnects_total", "Connections after the first one.", "server")
	statsdUp    = newDesc("statsd_up", "1 if the server takes lines, 0 if it is away.", "server")
	queueLines  = newDesc("statsd_queue_lines", "Lines that wait, or that were sent and may come back.", "server")
	queueBytes  = newDesc("statsd_queue_bytes", "Bytes of the lines in the send queue.", "server")
	queueLimit  = newDesc("statsd_queue_limit_bytes", "Bytes that the send queue holds.", "server")
	oldestLine  = newDesc("statsd_oldest_line_age_seconds", "Age of the oldest line that was not sent yet.", "server")

	reloads    = newDesc("reloads_total", "Reloads of files.", "file", "result")
	logDropped = newDesc("log_lines_dropped_total", "Lines that were dropped because standard error was read too slowly.")
	panics     = newDesc("panics_total", "Requests that ended with a panic, which is a fault of the program.")
)

var (
	descs []*prometheus.Desc // of the metrics, in the order above

	// labelNames are the labels of each metric, by its name. prometheus sorts them;
	// names in StatsD keep the order above.
	labelNames = make(map[string][]string)
)

// newDesc returns the description of a metric and adds it to descs.
func newDesc(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc(namespace+name, help, labels, nil)
	descs = append(descs, d)
	labelNames[namespace+name] = labels
	return d
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	o := output{out}
	o.gauge(buildInfo, 1, c.sources.Version, c.sources.Revision, c.sources.GoVersion)
	c.collectHTTP(o)
	c.collectMetrics(o)
	c.collectTokens(o)
	for _, server := range c.sources.Servers() {
		collectServer(o, &server)
	}
	for file, name := range fileNames {
		o.counter(reloads, c.sources.Reloads.ok[file].Load(), name, "ok")
		o.counter(reloads, c.sources.Reloads.failed[file].Load(), name, "error")
	}
	o.counter(logDropped, c.sources.LogLinesDropped())
}

// collectHTTP collects the metrics of requests and connections.
func (c *collector) collectHTTP(o output) {
	s := c.sources.HTTP()
	s.Requests.Requests(func(route exchange.Route, code int, n uint64) {
		text := "other"
		if code > 0 {
			text = strconv.Itoa(code)
		}
		o.counter(httpRequests, n, route.String(), text)
	})
	o.histogram(httpDuration, s.Requests)
	o.counter(httpBytes, s.Requests.BodyBytes)
	o.gauge(httpConns, float64(s.ConnsActive), "active")
	o.gauge(httpConns, float64(s.ConnsIdle), "idle")
	o.counter(httpConnsTotal, s.ConnsAccepted, "accepted")
	o.counter(httpConnsTotal, s.ConnsRejected.Max, "max_conns")
	o.counter(httpConnsTotal, s.ConnsRejected.PerAddress, "max_conns_per_ip")
	o.counter(handshakes, s.HandshakesFull, "full")
	o.counter(handshakes, s.HandshakesResumed, "resumed")
	o.counter(handshakes, s.HandshakesFailed, "failed")
	o.counter(handshakes, s.HandshakesTimedOut, "timeout")
	o.gauge(handshakesWait, float64(s.HandshakesWaiting))
	o.gauge(certificateEnds, unixSeconds(c.sources.Expiry()))
	o.counter(panics, s.Panics)
}

// collectMetrics collects the metrics of clients' metrics.
func (c *collector) collectMetrics(o output) {
	s := c.sources.Ingest()
	for kind := range s.Accepted {
		name := metric.Kind(kind).String()
		o.counter(accepted, s.Accepted[kind], name)
		o.counter(sampledOut, s.SampledOut[kind], name)
	}
	for reason, n := range s.Rejected {
		o.counter(rejected, n, ingest.Reason(reason).String())
	}
	o.gauge(series, float64(s.Series))
	o.gauge(seriesLimit, float64(s.SeriesLimit))
	o.gauge(rateLimitClients, float64(s.RateLimitClients))
}

// collectTokens collects the metrics of tokens and their keys.
func (c *collector) collectTokens(o output) {
	s := c.sources.Tokens()
	o.counter(tokens, s.Valid, "valid")
	o.counter(tokens, s.Missing, "missing")
	o.counter(tokens, s.Malformed, "malformed")
	o.counter(tokens, s.Signature, "signature")
	o.counter(tokens, s.Expired, "expired")
	o.counter(tokens, s.NotYetValid, "not_yet_valid")
	o.counter(tokens, s.Claims, "claims")
	o.gauge(jwksSuccess, float64(c.sources.JWKSLastSuccess()))
}

// collectServer collects the metrics of a StatsD server.
func collectServer(o output, s *StatsDServer) {
	isUp := 0.0
	if s.IsUp {
		isUp = 1
	}
	o.counter(linesQueued, s.LinesQueued, s.Name)
	o.counter(linesSent, s.LinesSent, s.Name)
	o.counter(linesLost, s.LinesLostShutdown, s.Name, "shutdown")
	o.counter(linesLost, s.LinesLostTooLarge, s.Name, "too_large")
	o.counter(linesLost, 0, s.Name, "mirror_full")
	o.counter(bytesSent, s.BytesSent, s.Name)
	o.counter(packetsSent, s.PacketsSent, s.Name)
	o.counter(sendErrors, s.SendErrors, s.Name)
	o.counter(reconnects, s.Reconnects, s.Name)
	o.gauge(statsdUp, isUp, s.Name)
	o.gauge(queueLines, float64(s.QueueLines), s.Name)
	o.gauge(queueBytes, float64(s.QueueBytes), s.Name)
	o.gauge(queueLimit, float64(s.QueueLimitBytes), s.Name)
	o.gauge(oldestLine, s.OldestLineAge.Seconds(), s.Name)
}

// output receives the metrics of one collection.
type output struct{ out chan<- prometheus.Metric }

func (o output) counter(d *prometheus.Desc, n uint64, labels ...string) {
	o.out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (o output) gauge(d *prometheus.Desc, value float64, labels ...string) {
	o.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// histogram outputs the durations of requests.
func (o output) histogram(d *prometheus.Desc, s *exchange.StatsSnapshot) {
	sum := uint64(0)
	cumulative := make(map[float64]uint64, len(exchange.DurationBuckets))
	for i, bound := range exchange.DurationBuckets {
		sum += s.Buckets[i]
		cumulative[bound] = sum
	}
	sum += s.Buckets[len(exchange.DurationBuckets)]
	o.out <- prometheus.MustNewConstHistogram(d, sum, s.Seconds, cumulative)
}

// unixSeconds returns t in Unix seconds, and 0 for the zero time.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
