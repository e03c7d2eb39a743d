package demo

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// start starts a Server, which ends with the test.
func start(t *testing.T) *Server {
	t.Helper()
	s, err := Start(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// do returns the response of handler. header has names and values in turn.
func do(handler http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestResponses(t *testing.T) {
	handler := start(t).Handler(nil)
	f := func(method, target string, status int, body string, header http.Header) {
		t.Helper()
		for key, value := range map[string]string{
			"Content-Security-Policy":      "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy":              "no-referrer",
			"X-Content-Type-Options":       "nosniff",
		} {
			header.Set(key, value)
		}
		got := do(handler, method, target)
		if got.Code != status || !strings.HasPrefix(got.Body.String(), body) || (body == "") != (got.Body.Len() == 0) {
			t.Errorf("%s %s: got %d %.60q, want %d %q", method, target, got.Code, got.Body, status, body)
		}
		for _, varies := range []string{"Etag", "Content-Length", "Accept-Ranges"} { // set by ServeContent
			if status == http.StatusOK && target != "/demo/events" && got.Header().Get(varies) == "" {
				t.Errorf("%s %s: the header %s is missing", method, target, varies)
			}
			got.Header().Del(varies)
		}
		if diff := cmp.Diff(header, got.Header()); diff != "" {
			t.Errorf("%s %s: header (-want +got)\n%s", method, target, diff)
		}
	}
	fileHeader := func(contentType string) http.Header {
		return http.Header{"Content-Type": {contentType}, "Cache-Control": {"no-cache"}}
	}
	f("GET", "/", 200, "<!doctype html>", fileHeader("text/html; charset=utf-8"))
	f("HEAD", "/", 200, "", fileHeader("text/html; charset=utf-8"))
	f("GET", "/?token=x", 200, "<!doctype html>", fileHeader("text/html; charset=utf-8"))
	f("GET", "/demo/main.js", 200, "// The demo page", fileHeader("text/javascript; charset=utf-8"))
	f("GET", "/demo/page.css", 200, ":root", fileHeader("text/css; charset=utf-8"))
	f("GET", "/demo/icon.svg", 200, "<svg", fileHeader("image/svg+xml"))
	f("GET", "/demo/lib/uPlot.js", 200, "/*! https://github.com/leeoniya/uPlot", fileHeader("text/javascript; charset=utf-8"))
	f("HEAD", "/demo/events", 200, "", http.Header{"Content-Type": {"text/event-stream"}, "Cache-Control": {"no-store"}})

	failure := http.Header{"Content-Type": {"application/json"}}
	for _, target := range []string{"/demo", "/demo/", "/index.html", "/demo/index.html", "/demo/lib", "/demo/../", "/page/main.js", "/favicon.ico"} {
		f("GET", target, 404, `{"error":"there is no such page"}`, failure.Clone())
	}
	failure.Set("Allow", "GET, HEAD")
	f("POST", "/", 405, `{"error":"only GET and HEAD are allowed here"}`, failure.Clone())
	f("POST", "/demo/events", 405, `{"error":"only GET and HEAD are allowed here"}`, failure.Clone())
}

func TestEventsNeedAToken(t *testing.T) {
	s := start(t)
	f := func(target string, verify func([]byte) error, status int, body string) {
		t.Helper()
		got := do(s.Handler(verify), "HEAD", target)
		if got.Code != status || got.Body.String() != body {
			t.Errorf("HEAD %s: got %d %q, want %d %q", target, got.Code, got.Body, status, body)
		}
		if hasChallenge := got.Header().Get("WWW-Authenticate") != ""; hasChallenge != (status == 401) {
			t.Errorf("HEAD %s: got %d with the header WWW-Authenticate: %v", target, got.Code, hasChallenge)
		}
	}
	verify := func(token []byte) error {
		if string(token) == "good+token" {
			return nil
		}
		return errors.New("the token is malformed")
	}
	const required = `{"error":"a token is required: send it as the query parameter token"}`
	f("/demo/events", nil, 200, "")
	f("/demo/events?token=x", nil, 200, "")
	f("/demo/events", verify, 401, required)
	f("/demo/events?token=", verify, 401, required)
	f("/demo/events?Token=good%2Btoken", verify, 401, required)
	f("/demo/events?token=bad", verify, 403, `{"error":"the token is malformed"}`)
	f("/demo/events?token=good%2Btoken", verify, 200, "")
	f("/demo/events?token=+good%2Btoken%0A", verify, 200, "")
	f("/demo/main.js", verify, 200, "")
}

func TestCachedFilesAreNotSentAgain(t *testing.T) {
	handler := start(t).Handler(nil)
	for target := range files {
		first := do(handler, "GET", target)
		again := do(handler, "GET", target, "If-None-Match", first.Header().Get("ETag"))
		if first.Code != 200 || again.Code != 304 || again.Body.Len() != 0 {
			t.Errorf("GET %s: got %d, and with its ETag %d with %d bytes, want 200, and 304 with none",
				target, first.Code, again.Code, again.Body.Len())
		}
	}
}

// maxPageBytes is the maximum total size of the page's files.
const maxPageBytes = 120 << 10

func TestPageIsSmall(t *testing.T) {
	handler := start(t).Handler(nil)
	total := 0
	for target := range files {
		total += do(handler, "GET", target).Body.Len()
	}
	t.Logf("%d files have %d bytes", len(files), total)
	if total >= maxPageBytes {
		t.Errorf("the page has %d bytes, want less than %d", total, maxPageBytes)
	}
}

func TestPageLoadsOnlyItsFiles(t *testing.T) {
	loads := regexp.MustCompile(`(?:src|href|from) ?=?['"]?["']([^"']+)["']`)
	found := 0
	for target, f := range files {
		if f.contentType == "" {
			t.Errorf("%s has no content type", target)
		}
		if strings.HasPrefix(target, "/demo/lib/") {
			continue
		}
		for _, match := range loads.FindAllStringSubmatch(string(f.content), -1) {
			if path.Ext(match[1]) == "" {
				continue // the name of a package in sample code
			}
			found++
			if _, ok := files[path.Join(path.Dir(target), match[1])]; !ok {
				t.Errorf("%s loads %s, which does not exist", target, match[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d names of files in the page, want more", found)
	}
}
