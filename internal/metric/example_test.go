package metric_test

import (
	"fmt"

	"statsd-http-proxy/internal/metric"
)

func ExampleEncoder_Append() {
	e, err := metric.NewEncoder(metric.Options{Prefix: "shop", MaxLine: 1432})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := metric.Metric{
		Kind:  metric.Timing,
		Name:  []byte("web.load"),
		Value: metric.Value{Text: []byte("3.2e2"), Form: metric.Number},
		Tags:  []metric.Tag{{Key: []byte("page"), Value: []byte("home page")}},
	}
	var l metric.Lines
	if _, err := e.Append(&l, &m, nil); err != nil {
		fmt.Println(err)
	}
	m.Value = metric.Value{Text: []byte("-1"), Form: metric.Number}
	if _, err := e.Append(&l, &m, nil); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s\n", l.Bytes)
	// Output:
	// parameter "value": "-1" is negative
	// shop.web.load,page=home_page:320|ms
}

func ExamplePatterns_Match() {
	patterns, err := metric.ParsePatterns([]string{"web.*", "app.checkout"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"web.page.load", "app.checkout", "app.login"} {
		fmt.Println(name, patterns.Match([]byte(name)))
	}
	// Output:
	// web.page.load true
	// app.checkout true
	// app.login false
}
