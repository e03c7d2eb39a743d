package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/wiretest"
)

// FuzzRequest throws bytes at the server. Each answer of 200 to a POST stands
// for exactly one metric, that of the request's path, and no other answer for
// any.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"POST /count/some.key HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue=1",
		"POST /gauge/a%20b HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n{\"value\":-1,\"tags\":{\"env\":\"prod\"}}",
		"POST /gauge/k?shift=-1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /set/k?value=a HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /timing/k HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntime\r\n0\r\n\r\n",
		"POST /count/a%0Ab:1|c HTTP/1.1\r\nHost: h\r\nOrigin: null\r\n\r\n",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST /count/smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
		"OPTIONS /count/k HTTP/1.1\r\nHost: h\r\nOrigin: a\r\nAccess-Control-Request-Method: POST\r\n\r\nGET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 65\r\n\r\n--b\r\nContent-Disposition: form-data; name=value\r\n\r\n1\r\n--b--\r\n12345",
		"POST /batch HTTP/1.1\r\nHost: h\r\nContent-Length: 33\r\n\r\na:1:2|ms|@0.5\nb,env=prod:-5|g\nc|c\n",
		"POST /batch HTTP/1.1\r\nHost: h\r\nContent-Length: 53\r\n\r\n[{\"metric\":\"a\",\"metric_type\":\"gauge\",\"value\":-1},{}]",
		"POST /set HTTP/1.1\r\nHost: h\r\nContent-Length: 26\r\n\r\n{\"metric\":\"a\",\"value\":\"b\"}",
	} {
		f.Add([]byte(seed))
	}
	server := start(f)
	f.Fuzz(func(t *testing.T, request []byte) {
		p := *server
		p.t = t
		p.sink.take()
		conn := p.dial()
		defer conn.Close()
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		accepted, isBatch := 0, false
		for r := bufio.NewReader(conn); ; {
			// Heartbeats and preflights aside, what is 200 is a metric.
			a, err := http.ReadResponse(r, nil)
			if err != nil {
				break
			}
			var body bytes.Buffer
			_, _ = body.ReadFrom(a.Body)
			var batch struct{ Accepted int }
			if a.StatusCode == 200 && body.Len() == 0 && a.Header.Get("Content-Type") == "" {
				accepted++
			} else if a.StatusCode == 200 && json.Unmarshal(body.Bytes(), &batch) == nil {
				accepted += batch.Accepted
				isBatch = true
			} else if a.StatusCode >= 400 && a.Request == nil && body.Len() == 0 && !bytes.Contains(request, []byte("HEAD")) {
				t.Fatalf("%d without a body", a.StatusCode)
			}
		}
		sent := p.sink.take()
		// An entry of a batch may be a line of several values.
		if len(sent) > accepted && !isBatch || len(sent) < accepted && !bytes.Contains(request, []byte("ample")) && !bytes.Contains(request, []byte("%")) {
			t.Fatalf("%d answers of 200, but sent %q", accepted, sent)
		}
		for _, lines := range sent {
			checkSent(t, request, lines)
		}
	})
}

// checkSent checks that lines are one metric whose name stands in the request.
func checkSent(t *testing.T, request []byte, lines string) {
	parts := strings.Split(lines, "\n")
	if len(parts) > 2 {
		t.Fatalf("%q is not one metric", lines)
	}
	var names []string
	for _, part := range parts {
		line, err := wiretest.Parse(part, "influxdb")
		if err != nil {
			t.Fatal(err)
		}
		if len(parts) == 2 && line.Type != "g" {
			t.Fatalf("%q is not one metric", lines)
		}
		names = append(names, line.Name)
	}
	if names = slices.Compact(names); len(names) != 1 {
		t.Fatalf("%q names two metrics", lines)
	}
	if bytes.Contains(request, []byte(names[0])) { // in a body
		return
	}
	for field := range bytes.FieldsSeq(request) {
		path, _, _ := strings.Cut(string(field), "?")
		path, err := url.PathUnescape(path)
		if err != nil {
			continue
		}
		if plain := strings.Join(strings.Fields(path), "_"); strings.HasSuffix(plain, "/"+names[0]) {
			return
		}
	}
	if !strings.Contains(names[0], "_") && !bytes.ContainsAny(request, "\\+%") { // folded in a way that Fields does not know
		t.Fatalf("%q is sent, but nothing in %q names it", lines, request)
	}
}
