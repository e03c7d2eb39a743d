package ingest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/browserclient"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/proxytest"
)

// servesClient is for proxytest.Start.
func servesClient(o *proxytest.Options) { o.ServesClient = true }

func TestFilesOfTheClientAreServed(t *testing.T) {
	f := func(overHTTP2 bool) {
		p := proxytest.Start(t, servesClient, proxytest.WithTokens, func(o *proxytest.Options) {
			o.Origins, _ = ingest.ParseOrigins("https://shop.example")
			if overHTTP2 {
				proxytest.WithTLS(o)
			}
		})
		do := p.Do
		if overHTTP2 {
			do = p.DialHTTP2().Do
		}
		for path, file := range browserclient.Files() {
			for _, method := range []string{"GET", "HEAD"} {
				checkFile(t, do(method, path, ""), method, file.Text, file.ETag, file.ContentType, "")
				checkFile(t, do(method, path+"?v=1", "", "Accept-Encoding: br, GZIP;q=0.5"), method, file.Gzip, file.GzipETag, file.ContentType, "")
				checkFile(t, do(method, path, "", "Accept-Encoding: gzip;q=0", "Origin: https://other.example"),
					method, file.Text, file.ETag, file.ContentType, "https://other.example")
			}
		}
		file := browserclient.Files()["/client.js"]
		for _, tags := range []string{file.ETag, "W/" + file.ETag, `"x", ` + file.ETag, "*"} {
			r := do("GET", "/client.js", "", "If-None-Match: "+tags, "Origin: https://shop.example")
			if r.Status != 304 || r.Body != "" || r.Header.Get("ETag") != file.ETag || r.Header.Get("Content-Length") != "" ||
				r.Header.Get("Access-Control-Allow-Origin") != "https://shop.example" || r.Header.Get("Cache-Control") == "" {
				t.Errorf("If-None-Match: %s: got %d with %d bytes and %v, want a 304", tags, r.Status, len(r.Body), r.Header)
			}
		}
		for _, tags := range []string{`"x"`, file.GzipETag, strings.Trim(file.ETag, `"`)} {
			if r := do("GET", "/client.js", "", "If-None-Match: "+tags); r.Status != 200 {
				t.Errorf("If-None-Match: %s: got %d, want 200", tags, r.Status)
			}
		}
		if r := do("GET", "/client.js", "", "If-None-Match: "+file.GzipETag, "Accept-Encoding: gzip"); r.Status != 304 || r.Header.Get("Content-Encoding") != "" {
			t.Errorf("the tag of the compressed file: got %d %v, want 304", r.Status, r.Header)
		}
		r := do("OPTIONS", "/client.mjs", "", "Origin: https://other.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: x-a")
		if r.Status != 204 || r.Header.Get("Access-Control-Allow-Methods") != "GET, HEAD" || r.Header.Get("Access-Control-Allow-Headers") != "x-a" {
			t.Errorf("preflight: got %d %v", r.Status, r.Header)
		}
		r = do("POST", "/client.js", "value=1")
		if p.Rejects("POST", r, 405, "allowed: GET, HEAD"); r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: got Allow: %q", r.Header.Get("Allow"))
		}
		p.Rejects("another file", do("GET", "/client.css", ""), 404, `"client.css"`)
	}
	f(false)
	f(true)
}

// checkFile checks a whole response with a file. origin is that of the request.
func checkFile(t *testing.T, r proxytest.Response, method string, text []byte, etag, contentType, origin string) {
	t.Helper()
	want := http.Header{
		"Cache-Control":                {"public, max-age=3600"},
		"Content-Type":                 {contentType},
		"Cross-Origin-Resource-Policy": {"cross-origin"},
		"Etag":                         {etag},
		"Vary":                         {"Origin, Accept-Encoding"},
		"X-Content-Type-Options":       {"nosniff"},
	}
	if strings.HasSuffix(etag, `-gzip"`) {
		want.Set("Content-Encoding", "gzip")
	}
	if origin != "" {
		want.Set("Access-Control-Allow-Origin", origin)
		want.Set("Access-Control-Allow-Credentials", "true")
		want.Set("Access-Control-Expose-Headers", "Retry-After")
	}
	if got := r.Header.Get("Content-Length"); got != strconv.Itoa(len(text)) {
		t.Errorf("%s: Content-Length %q, want %d", method, got, len(text))
	}
	for _, name := range []string{"Date", "Content-Length", "Connection"} {
		r.Header.Del(name)
	}
	if diff := cmp.Diff(want, r.Header); diff != "" || r.Status != 200 {
		t.Errorf("%s: status %d, header (-want +got)\n%s", method, r.Status, diff)
	}
	if wantBody := string(text); method == "GET" && r.Body != wantBody || method == "HEAD" && r.Body != "" {
		t.Errorf("%s: got %d bytes, want the file of %d for GET", method, len(r.Body), len(wantBody))
	}
}

func TestTheClientIsServedOnlyIfOptionsSaySo(t *testing.T) {
	p := proxytest.Start(t)
	for path := range browserclient.Files() {
		p.Rejects(path, p.Do("GET", path, ""), 404, "unknown metric type")
	}
}
