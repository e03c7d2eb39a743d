package servers

import (
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// startExporter starts Prometheus' statsd_exporter, a Go tool of this module. It
// returns the port for metrics over UDP and TCP, and a function that returns the lines that the
// exporter exports.
func startExporter(t *testing.T, args ...string) (port string, export func() []string) {
	t.Helper()
	port = testutil.FreePort(t)
	web := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	exporter := testutil.Start(t, exec.Command(testutil.ExporterProgram(t), append([]string{
		"--web.listen-address=" + web,
		"--statsd.listen-udp=127.0.0.1:" + port,
		"--statsd.listen-tcp=127.0.0.1:" + port,
		"--statsd.event-flush-interval=10ms",
	}, args...)...))
	get := func() (string, error) {
		_, text, err := testutil.Get("http://" + web + "/metrics")
		return text, err
	}
	// The exporter opens its UDP port before it serves HTTP.
	exporter.WaitReady(t, func() bool {
		_, err := get()
		return err == nil
	})
	return port, func() []string {
		text, err := get()
		if err != nil {
			t.Fatalf("read the metrics of the exporter: %v", err)
		}
		return strings.Split(text, "\n")
	}
}

func TestTagsBecomePrometheusLabels(t *testing.T) {
	t.Parallel()
	port, export := startExporter(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+port, "--metric-prefix=shop")

	// In Prometheus a name has one type, so each type has its own names here.
	metrics := []struct{ path, body, want string }{
		{"/count/hits.text", `{"value": 100500, "tags": "env=prod,locale=en-us"}`,
			`shop_hits_text{env="prod",locale="en-us"} 100500`},
		{"/count/hits.object", `{"value": 2.5, "tags": {"env": "prod", "locale": "en-us"}}`,
			`shop_hits_object{env="prod",locale="en-us"} 2.5`},
		{"/count/hits.form", `value=3&tags=env%3Dprod%2Clocale%3Den-us`,
			`shop_hits_form{env="prod",locale="en-us"} 3`},
		{"/count/hits.untagged", `{"value": 4}`,
			`shop_hits_untagged 4`},
		{"/gauge/level.text", `{"value": 7, "tags": "env=prod,locale=en-us"}`,
			`shop_level_text{env="prod",locale="en-us"} 7`},
		{"/gauge/level.object", `{"value": 10.5, "tags": {"env": "prod", "locale": "en-us"}}`,
			`shop_level_object{env="prod",locale="en-us"} 10.5`},
		{"/timing/spent.text", `{"value": 320, "tags": "env=prod,locale=en-us"}`,
			`shop_spent_text_sum{env="prod",locale="en-us"} 0.32`},
		{"/timing/spent.object", `{"time": 12.5, "tags": {"env": "prod", "locale": "en-us"}}`,
			`shop_spent_object_sum{env="prod",locale="en-us"} 0.0125`},
		{"/gauge/level.negative", `{"value": -7, "tags": "env=prod"}`,
			`shop_level_negative{env="prod"} -7`},
	}
	for _, metric := range metrics {
		proxy.MustSend(t, metric.path, metric.body)
	}
	var want []string
	for _, metric := range metrics {
		want = append(want, metric.want)
	}
	waitForExport(t, export, want)
	// There is one line for each metric, and one more for the negative gauge.
	checkExporter(t, export(), len(metrics)+1)
}

// waitForExport waits until the exporter exports each of the lines.
func waitForExport(t *testing.T, export func() []string, want []string) {
	t.Helper()
	lines := export()
	for _, line := range want {
		if slices.Contains(lines, line) {
			continue
		}
		testutil.Eventually(t, line+" from the exporter", func() bool {
			lines = export()
			return slices.Contains(lines, line)
		})
	}
}

// checkExporter fails the test unless the exporter's own counters say that it has
// received exactly the given number of lines and understood all of them.
func checkExporter(t *testing.T, exported []string, lines int) {
	t.Helper()
	const total = "statsd_exporter_lines_total "
	for _, line := range exported {
		if strings.HasPrefix(line, total) && line != total+strconv.Itoa(lines) {
			t.Errorf("lines that the exporter received: got %s, want %d", strings.TrimPrefix(line, total), lines)
		}
	}
	checkExporterErrors(t, exported)
}

// checkExporterErrors fails the test if the exporter's own counters say that it did not
// understand a line.
func checkExporterErrors(t *testing.T, exported []string) {
	t.Helper()
	for _, line := range exported {
		for _, fault := range []string{"sample_errors", "tag_errors", "events_error", "events_conflict"} {
			if strings.HasPrefix(line, "statsd_exporter_"+fault) && !strings.HasSuffix(line, " 0") {
				t.Errorf("the exporter reports a fault: got %q, want none", line)
			}
		}
	}
}

func TestNamesForPrometheusArriveUnchanged(t *testing.T) {
	t.Parallel()
	port, export := startExporter(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+port, "--name-format=prometheus", "--metric-prefix=my.shop", "--tags=region=eu")
	want := map[string]string{ // by the name that is sent
		"Page.load time":    "my_shop_Page_load_time",
		"cart/items-sold":   "my_shop_cart_items_sold",
		"Größe(cm)":         "my_shop_Gr__e_cm_",
		"double--dash":      "my_shop_double__dash", // the exporter itself would keep the dashes
		"100%":              "my_shop_100_",
		"already_fine_2":    "my_shop_already_fine_2",
		"x[y]{z}<>&'\"\\~!": "my_shop_x_y__z_________",
	}
	var exported []string
	for posted, name := range want {
		testutil.SendInEachForm(t, proxy, posted, "", "", "")
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
