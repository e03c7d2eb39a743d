package decode_test

import (
	"errors"
	"fmt"
	"io"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/metric"
)

func ExampleDecoder_Decode() {
	var d decode.Decoder
	m := metric.Metric{Kind: metric.Count, Name: []byte("web.clicks")} // from the path of the request
	in := decode.Input{Body: []byte(`{"value": 5}`), Query: []byte("tags=env%3Dprod")}
	if err := d.Decode(&m, &in); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s %s %s=%s\n", m.Kind, m.Name, m.Value.Text, m.Tags[0].Key, m.Tags[0].Value)
	// Output: count web.clicks 5 env=prod
}

func ExampleDecoder_Next() {
	var d decode.Decoder
	var m metric.Metric
	d.OpenBatch([]byte("web.load,page=home:320|ms\nweb.clicks\nweb.clicks:1|c|@0.5\n"))
	for {
		bad, err := d.Next(&m)
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			fmt.Println("malformed batch:", err)
			return
		case bad != nil:
			fmt.Println("bad entry:", bad)
		default:
			fmt.Printf("%s %s %s\n", m.Kind, m.Name, m.Value.Text)
		}
	}
	// Output:
	// timing web.load 320
	// bad entry: the line "web.clicks" has no value
	// count web.clicks 1
}
