package decode

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"

	"statsd-http-proxy/internal/metric"
)

// multipartBody returns a multipart form as a browser encodes it.
func multipartBody(t *testing.T, fields ...string) (body, boundary string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, field := range fields {
		name, text, _ := strings.Cut(field, "=")
		if err := w.WriteField(name, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.Boundary()
}

func TestMultipartIsDecoded(t *testing.T) {
	var d Decoder
	f := func(want string, fields ...string) {
		t.Helper()
		body, boundary := multipartBody(t, fields...)
		accepts(t, func(m *metric.Metric, b []byte) error { return d.Decode(m, &Input{Body: b, Boundary: boundary}) }, body, want)
	}
	f("")
	f("value=$1", "value=1")
	f("value=$+5 [env=prod][a=b]", "tags=env=prod,a=b", "value=+5")
	f("value=${\n}", "value={\n}")
}

func TestJSONIsNoMultipartForm(t *testing.T) {
	var d Decoder
	f := func(body, want string) {
		t.Helper()
		accepts(t, func(m *metric.Metric, b []byte) error { return d.Decode(m, &Input{Body: b, Boundary: "b"}) }, body, want)
	}
	f(`{"value":1}`, "value=#1")
	f("\ufeff\n{\"tags\":{\"a\":\"b\"}}", "[a=b]")
}

func TestBadMultipartIsRejected(t *testing.T) {
	var d Decoder
	f := func(body, boundary, want string) {
		t.Helper()
		rejects(t, func(m *metric.Metric, b []byte) error { return d.Decode(m, &Input{Body: b, Boundary: boundary}) }, body, want)
	}
	body, boundary := multipartBody(t, "foo=1")
	f(body, boundary, `unknown parameter "foo"`)
	body, boundary = multipartBody(t, "value=1", "value=2")
	f(body, boundary, `parameter "value" is given twice`)
	f(body, "another", "malformed multipart body")
	f("value=1", "b", "malformed multipart body")
	body, boundary = multipartBody(t, "value=1")
	f(body[:len(body)-8], boundary, `parameter "value" breaks off`)
	f(body[:100], boundary, "malformed multipart body: it breaks off")
	f("--b\r\nContent-Disposition: form-data; name=value\r\n\r\n1", "b", `parameter "value" breaks off`)
	f("--b\r\nContent-Disposition: form-data; name=value; filename=blob\r\n\r\n1\r\n--b--", "b", `parameter "value" is a file`)
	f("--b\r\n\r\n1\r\n--b--", "b", `unknown parameter ""`)
}
