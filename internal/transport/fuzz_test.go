package transport_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/wiretest"
)

// FuzzRequest sends any bytes. Each 200 to a POST stands for exactly one metric, that of the
// request's path, and no other response stands for one. The proxy serves at most as many
// requests as there are well-formed ones at the front of the bytes.
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
	for _, a := range proxytest.Attacks {
		if len(a.Bytes) < 2<<10 { // longer ones are slow and no better
			f.Add([]byte(a.Bytes + proxytest.Smuggled))
		}
	}
	server := proxytest.Start(f)
	f.Fuzz(func(t *testing.T, request []byte) {
		p := *server
		p.T = t
		p.Sink.Take()
		conn := p.Dial()
		defer conn.Close()
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		most := countRequests(string(request))
		accepted, isBatch := 0, false
		served := 0
		for r := bufio.NewReader(conn); ; {
			// A 200 is a metric, unless it answers a heartbeat or a preflight.
			a, err := http.ReadResponse(r, nil)
			if err != nil {
				break
			}
			var body bytes.Buffer
			_, _ = body.ReadFrom(a.Body)
			if a.StatusCode == 200 {
				if served++; served > most {
					t.Fatalf("%d requests of %q were served, want at most %d", served, request, most)
				}
			}
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
		sent := p.Sink.Take()
		// An entry of a batch may be a line of several values.
		if len(sent) > accepted && !isBatch || len(sent) < accepted && !bytes.Contains(request, []byte("ample")) && !bytes.Contains(request, []byte("%")) {
			t.Fatalf("%d metrics were accepted, but the proxy sent %q", accepted, sent)
		}
		for _, lines := range sent {
			checkSent(t, request, lines)
		}
	})
}

// The grammar of RFC 9112 as regular expressions, independent of the parser.
var (
	wellFormedHead = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^\\x00-\\x20\\x7f]+ HTTP/1\\.[0-9]\r\n" + fields)
	fields         = "([!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\\x00-\\x08\\x0a-\\x1f\\x7f]*\r\n)*\r\n"
	framingField   = regexp.MustCompile("(?i)\r\n(?:content-length:[ \t]*([0-9]+)|transfer-encoding:[ \t]*(chunked))[ \t]*\r\n")
	anyFraming     = regexp.MustCompile("(?i)\r\n(content-length|transfer-encoding):")
	chunkLine      = regexp.MustCompile("^([0-9A-Fa-f]{1,8})(;[^\\x00-\\x08\\x0a-\\x1f\\x7f]*)?\r\n")
	trailers       = regexp.MustCompile("^" + fields)
)

// countRequests counts the well-formed requests at the front of text.
func countRequests(text string) (count int) {
	for ; ; count++ {
		for strings.HasPrefix(text, "\r\n") {
			text = text[2:]
		}
		head := wellFormedHead.FindString(text)
		if head == "" {
			return count
		}
		text = text[len(head):]
		framing := framingField.FindStringSubmatch(head)
		switch all := len(anyFraming.FindAllString(head, -1)); {
		case all == 0:
			continue
		case all > 1 || framing == nil:
			return count
		}
		ok := false
		if framing[2] != "" {
			text, ok = cutChunks(text)
		} else if n, err := strconv.Atoi(framing[1]); err == nil && n <= len(text) {
			text, ok = text[n:], true
		}
		if !ok {
			return count
		}
	}
}

// cutChunks returns text without the chunked body at its front.
func cutChunks(text string) (rest string, ok bool) {
	for {
		line := chunkLine.FindStringSubmatch(text)
		if line == nil {
			return "", false
		}
		text = text[len(line[0]):]
		size, err := strconv.ParseUint(line[1], 16, 32)
		if err != nil || int(size) > len(text) {
			return "", false
		}
		if size == 0 {
			end := trailers.FindString(text)
			return text[len(end):], end != ""
		}
		if text = text[size:]; !strings.HasPrefix(text, "\r\n") {
			return "", false
		}
		text = text[2:]
	}
}

// checkSent checks that lines are one metric whose name is in the request.
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
	if !strings.Contains(names[0], "_") && !bytes.ContainsAny(request, "\\+%") { // blanks or escapes that Fields does not know
		t.Fatalf("the proxy sent %q, but nothing in %q names it", lines, request)
	}
}
