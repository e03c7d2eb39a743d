// Command grafana prints a Grafana dashboard of the proxy's metrics:
//
//	go run . >dashboard.json
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// selector selects the series of the chosen proxies. PREFIX in a query stands for the
// beginning of the names of metrics.
const selector = `{job="statsd-http-proxy", instance=~"$instance"}`

// query is a PromQL query with the legend of its series.
type query struct{ expr, legend string }

// panel is a graph.
type panel struct {
	title, unit, description string
	queries                  []query
}

// row is a row of graphs.
type row struct {
	title  string
	panels []panel
}

// rate returns the query for the rate of a counter, by labels.
func rate(by, name, more string) string {
	return fmt.Sprintf(`sum by (%s) (rate(%s{job="statsd-http-proxy", instance=~"$instance"%s}[$__rate_interval]))`, by, name, more)
}

const prefix = "statsd_http_proxy_"

var rows = []row{
	{"Traffic", []panel{
		{"Requests", "reqps", "By route.", []query{{rate("route", prefix+"http_requests_total", ""), "{{route}}"}}},
		{"Responses", "reqps", "By status code.", []query{{rate("code", prefix+"http_requests_total", ""), "{{code}}"}}},
		{"Duration", "s", "From the first byte of a request to the end of its response.", []query{
			{"histogram_quantile(0.5, " + rate("le", prefix+"http_request_duration_seconds_bucket", "") + ")", "half"},
			{"histogram_quantile(0.99, " + rate("le", prefix+"http_request_duration_seconds_bucket", "") + ")", "99 %"},
		}},
		{"Metrics", "ops", "Accepted, by type, and left out by their sample rate.", []query{
			{rate("type", prefix+"metrics_accepted_total", ""), "{{type}}"},
			{"sum(rate(" + prefix + "metrics_sampled_out_total" + selector + "[$__rate_interval]))", "sampled out"},
		}},
		{"Bodies", "Bps", "As they were received.", []query{{rate("instance", prefix+"http_request_bytes_total", ""), "{{instance}}"}}},
		{"Connections", "short", "Active ones have a request that is not answered.", []query{
			{"sum by (state) (" + prefix + "http_connections" + selector + ")", "{{state}}"},
			{"sum(" + prefix + "tls_handshakes_waiting" + selector + ")", "TLS handshakes"},
		}},
	}},
	{"Rejections", []panel{
		{"Rejected metrics", "ops", "By reason.", []query{{rate("reason", prefix+"metrics_rejected_total", ""), "{{reason}}"}}},
		{"Share of rejected metrics", "percentunit", "Of all metrics that arrive.", []query{
			{"instance:statsd_http_proxy_metrics_rejected:ratio_rate5m" + selector, "{{instance}}"},
		}},
		{"Tokens", "ops", "By result.", []query{{rate("result", prefix+"tokens_total", ""), "{{result}}"}}},
		{"New connections", "ops", "Accepted, or closed because of a limit.", []query{{rate("result", prefix+"http_connections_total", ""), "{{result}}"}}},
		{"TLS handshakes", "ops", "By result.", []query{{rate("result", prefix+"tls_handshakes_total", ""), "{{result}}"}}},
		{"Limits", "short", "Series in use, the limit of them, and clients whose rate is limited.", []query{
			{"sum(" + prefix + "series" + selector + ")", "series"},
			{"sum(" + prefix + "series_limit" + selector + ")", "limit of series"},
			{"sum(" + prefix + "rate_limit_clients" + selector + ")", "clients"},
		}},
	}},
	{"Delivery", []panel{
		{"Lines", "ops", "Into the queue and to StatsD.", []query{
			{rate("server", prefix+"statsd_lines_queued_total", ""), "queued {{server}}"},
			{rate("server", prefix+"statsd_lines_sent_total", ""), "sent {{server}}"},
		}},
		{"StatsD is up", "short", "1 if it takes lines.", []query{{prefix + "statsd_up" + selector, "{{instance}} {{server}}"}}},
		{"Queue", "percentunit", "How full it is.", []query{{"instance_server:statsd_http_proxy_statsd_queue:ratio" + selector, "{{instance}} {{server}}"}}},
		{"Oldest line", "s", "How long it has waited.", []query{{prefix + "statsd_oldest_line_age_seconds" + selector, "{{instance}} {{server}}"}}},
		{"Lost lines", "ops", "By reason.", []query{{rate("server, reason", prefix+"statsd_lines_lost_total", ""), "{{server}} {{reason}}"}}},
		{"Errors, reconnects and packets", "ops", "", []query{
			{rate("server", prefix+"statsd_send_errors_total", ""), "errors {{server}}"},
			{rate("server", prefix+"statsd_reconnects_total", ""), "reconnects {{server}}"},
			{rate("server", prefix+"statsd_packets_sent_total", ""), "packets {{server}}"},
		}},
		{"Bytes sent", "Bps", "", []query{{rate("server", prefix+"statsd_bytes_sent_total", ""), "{{server}}"}}},
	}},
	{"Process", []panel{
		{"CPU", "short", "Processors in use.", []query{{rate("instance", "process_cpu_seconds_total", ""), "{{instance}}"}}},
		{"Memory", "bytes", "Resident.", []query{{"process_resident_memory_bytes" + selector, "{{instance}}"}}},
		{"Goroutines", "short", "", []query{{"go_goroutines" + selector, "{{instance}}"}}},
		{"File descriptors", "short", "Open, and the limit.", []query{
			{"process_open_fds" + selector, "{{instance}} open"},
			{"process_max_fds" + selector, "{{instance}} limit"},
		}},
		{"Uptime and certificate", "s", "Since the start, and until the certificate expires.", []query{
			{"time() - process_start_time_seconds" + selector, "{{instance}} up"},
			{"(" + prefix + "tls_certificate_expiry_timestamp_seconds" + selector + " > 0) - time()", "{{instance}} certificate"},
		}},
		{"Reloads, panics and dropped log lines", "short", "In the last hour.", []query{
			{"sum by (file, result) (increase(" + prefix + "reloads_total" + selector + "[1h]))", "{{file}} {{result}}"},
			{"sum(increase(" + prefix + "panics_total" + selector + "[1h]))", "panics"},
			{"sum(increase(" + prefix + "log_lines_dropped_total" + selector + "[1h]))", "log lines"},
		}},
		{"Versions", "short", "", []query{{"count by (version) (" + prefix + "build_info" + selector + ")", "{{version}}"}}},
	}},
}

func main() {
	text, err := encode()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}

// encode returns the dashboard as JSON. It checks it against Grafana's schema.
func encode() ([]byte, error) {
	source := common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("$datasource")}
	b := dashboard.NewDashboardBuilder("StatsD HTTP proxy").
		Uid("statsd-http-proxy").
		Description("Needs the recording rules in deploy/prometheus/rules.yml.").
		Tags([]string{"statsd"}).
		Refresh("30s").
		Time("now-1h", "now").
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")).
		WithVariable(dashboard.NewQueryVariableBuilder("instance").Label("Proxy").Datasource(source).
			Query(dashboard.StringOrMap{String: cog.ToPtr(`label_values(statsd_http_proxy_build_info{job="statsd-http-proxy"}, instance)`)}).
			Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
			Multi(true).IncludeAll(true).AllValue(".*"))
	for _, r := range rows {
		b.WithRow(dashboard.NewRowBuilder(r.title))
		for _, p := range r.panels {
			graph := timeseries.NewPanelBuilder().Title(p.title).Unit(p.unit).Min(0).Height(8).Span(8).Datasource(source)
			if p.description != "" {
				graph.Description(p.description)
			}
			for i, q := range p.queries {
				graph.WithTarget(prometheus.NewDataqueryBuilder().Expr(q.expr).LegendFormat(q.legend).RefId(string(rune('A' + i))))
			}
			b.WithPanel(graph)
		}
	}
	built, err := b.Build()
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(built, "", "  ")
	if err != nil {
		return nil, err
	}
	return text, check(text)
}

// check checks a dashboard against Grafana's schema.
func check(text []byte) error {
	plugins.RegisterDefaultPlugins()
	var strict dashboard.Dashboard
	err := strict.UnmarshalJSONStrict(text)
	var faults cog.BuildErrors // returned even if there are none
	if errors.As(err, &faults) && len(faults) == 0 {
		return nil
	}
	return err
}
