package decode_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/metric"
)

// vector is a call of the client in client/ and its result. The client runs the
// same cases, in client/test/vectors.test.mjs.
type vector struct {
	Call []json.RawMessage // method, name, value, sample rate and tags; raw, because a Go string cannot hold half of a surrogate pair

	// The options of the client. The proxy has options of the same names.
	Prefix     string
	Tags       json.RawMessage
	SampleRate json.RawMessage

	Lines   []string // the lines that the client writes
	Refused bool     // the client rejects the call and writes none

	// Forwarded are the lines that the proxy forwards. If the list is empty, the
	// proxy rejects the metric. Without a list, Lines and Refused hold for both.
	Forwarded []string

	Line string // a line that the proxy rejects; the call is not checked then
}

// metrics holds, for each method, the type of its metric, the parameter for its
// value, and the default value.
var metrics = map[string]struct{ kind, parameter, preset string }{
	"increment":    {"count", "value", "1"},
	"decrement":    {"count", "value", "1"},
	"count":        {"count", "value", ""},
	"gauge":        {"gauge", "value", ""},
	"gaugeDelta":   {"gauge", "shift", ""},
	"timing":       {"timing", "value", ""},
	"set":          {"set", "value", ""},
	"histogram":    {"histogram", "value", ""},
	"distribution": {"distribution", "value", ""},
}

func TestVectors(t *testing.T) {
	files, err := filepath.Glob("../../test/vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no vectors", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var vectors []vector
		decoder := json.NewDecoder(bytes.NewReader(content))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&vectors); err != nil {
			t.Fatal(file, err)
		}
		for _, v := range vectors {
			t.Run(fmt.Sprintf("%s/%.60s", filepath.Base(file), v.Call), v.run)
		}
	}
}

// run checks the lines that the proxy makes of the client's lines, and of the same
// call in JSON.
func (v vector) run(t *testing.T) {
	want := v.Forwarded
	if want == nil {
		want = v.Lines
	}
	if v.Refused == (len(v.Lines) > 0) {
		t.Fatal("a vector must either be refused or have lines")
	}
	isRejected := len(want) == 0
	if !v.Refused {
		e := newEncoder(t, metric.Options{})
		// A bracket at the beginning would start a JSON array, so the client puts a
		// line with one blank before it.
		if got, err := forward(e, "\u00a0\n"+strings.Join(v.Lines, "\n")); isRejected != (err != nil) || !slices.Equal(got, want) {
			t.Errorf("the lines %q are forwarded as %q, %v, want %q", v.Lines, got, err, want)
		}
	}
	if v.Line != "" {
		if got, err := forward(newEncoder(t, metric.Options{}), v.Line); err == nil {
			t.Errorf("the line %q is forwarded as %q", v.Line, got)
		}
		return
	}
	e, err := v.encoder()
	var got []string
	if err == nil {
		got, err = forward(e, v.entry(t))
	}
	if isRejected != (err != nil) || !slices.Equal(got, want) {
		t.Errorf("the entry %s is forwarded as %q, %v, want %q", v.entry(t), got, err, want)
	}
}

func newEncoder(t *testing.T, options metric.Options) *metric.Encoder {
	t.Helper()
	options.Histograms, options.MaxLine = true, 8192
	e, err := metric.NewEncoder(options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// encoder returns an Encoder with the prefix and the tags of v.
func (v vector) encoder() (*metric.Encoder, error) {
	options := metric.Options{Prefix: v.Prefix, Histograms: true, MaxLine: 8192}
	if v.Tags != nil {
		var d decode.Decoder
		var m metric.Metric
		if err := d.Decode(&m, &decode.Input{Body: slices.Concat([]byte(`{"tags":`), v.Tags, []byte("}"))}); err != nil {
			return nil, err
		}
		options.Tags = m.Tags
	}
	return metric.NewEncoder(options)
}

// entry returns the call as a batch of one entry in JSON.
func (v vector) entry(t *testing.T) string {
	var method string
	if err := json.Unmarshal(v.Call[0], &method); err != nil {
		t.Fatal(err)
	}
	m, ok := metrics[method]
	if !ok {
		t.Fatalf("unknown method %q", method)
	}
	value, rate, tags := m.preset, string(v.SampleRate), ""
	if method == "gauge" || method == "gaugeDelta" || method == "set" {
		rate = "" // the client uses its rate for other types only
	}
	for i, arg := range v.Call[2:] {
		switch {
		case arg[0] == '{' && (i > 0 || m.preset != ""):
			tags = string(arg)
		case i == 0:
			value = string(arg)
		default:
			rate = string(arg)
		}
	}
	if method == "decrement" {
		value = strings.TrimPrefix("-"+value, "--")
	}
	entry := fmt.Sprintf(`[{"metric":%s,"metric_type":%q,%q:%s`, v.Call[1], m.kind, m.parameter, value)
	if rate != "" {
		entry += `,"sampleRate":` + rate
	}
	if tags != "" {
		entry += `,"tags":` + tags
	}
	return entry + "}]"
}

// forward returns the lines that the proxy makes of a batch. It returns an error
// if an entry is bad.
func forward(e *metric.Encoder, body string) ([]string, error) {
	var d decode.Decoder
	var m metric.Metric
	var l metric.Lines
	for d.OpenBatch([]byte(body)); ; {
		bad, err := d.Next(&m)
		if err == io.EOF {
			return strings.Split(string(l.Bytes), "\n"), nil
		}
		if err == nil {
			err = bad
		}
		if err == nil {
			_, err = e.Append(&l, &m, nil)
		}
		if err != nil {
			return nil, err
		}
	}
}
