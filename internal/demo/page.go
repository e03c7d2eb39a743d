package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// embedded holds all files of the page, so that the page works offline. The
// files in page/lib are copies from other projects (see make demo-lib). Their
// licenses are embedded too, as they require, but not served.
//
//go:embed page
var embedded embed.FS

// file is a file of the page.
type file struct {
	contentType string
	etag        string
	content     []byte
}

// files are the files of the page by URL path. The page itself is at /, all
// other files are below /demo/.
var files = loadFiles()

// contentTypes are the content types by file extension. Package mime is not
// used, because its types depend on the machine.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

func loadFiles() map[string]file {
	all := make(map[string]file)
	err := fs.WalkDir(embedded, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "-license.txt") {
			return err
		}
		content, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		hash := sha256.Sum256(content)
		f := file{
			contentType: contentTypes[path.Ext(name)],
			etag:        `"` + base64.RawURLEncoding.EncodeToString(hash[:12]) + `"`,
			content:     content,
		}
		if name == "page/index.html" {
			all["/"] = f
		} else {
			all["/demo"+name[len("page"):]] = f
		}
		return nil
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return all
}

// contentSecurityPolicy is the value of that header field of the page. It allows only files from
// the page's own origin, and no inline scripts and styles.
const contentSecurityPolicy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

// Handler returns the HTTP handler of the page. It serves GET and HEAD of /, of
// the page's files below /demo/, and of /demo/events: a stream of server-sent
// events with the received lines, which ends when the request's context ends or
// the Server is closed. The page sends its metrics to its own origin.
//
// If verify is not nil, event streams require the query parameter token with a
// token that verify accepts; EventSource cannot send headers. Any such token shows
// the lines of all clients. The error of verify is sent to the client.
//
// Each client address can have four event streams. The address is that of
// Request.RemoteAddr. For requests through a trusted proxy, the HTTP server should
// set RemoteAddr to the address of the client.
func (s *Server) Handler(verify func(token []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, verify) })
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, verify func(token []byte) error) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("Cross-Origin-Resource-Policy", "same-origin") // other origins must not read the lines
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	f, isFile := files[r.URL.Path]
	switch isEvents := r.URL.Path == "/demo/events"; {
	case !isFile && !isEvents:
		writeError(w, http.StatusNotFound, "there is no such page")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		writeError(w, http.StatusMethodNotAllowed, "only GET and HEAD are allowed here")
	case isEvents:
		s.serveEvents(w, r, verify)
	default:
		header.Set("Content-Type", f.contentType)
		header.Set("Cache-Control", "no-cache") // revalidate: the next start may run another version
		header.Set("ETag", f.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	}
}

// serveEvents serves /demo/events to clients with a token that verify accepts.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request, verify func(token []byte) error) {
	if verify == nil {
		verify = func([]byte) error { return nil }
	} else if tokenOf(r) == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
		writeError(w, http.StatusUnauthorized, "a token is required: send it as the query parameter token")
		return
	}
	token := []byte(tokenOf(r))
	if err := verify(token); err != nil {
		writeError(w, http.StatusForbidden, err.Error())
		return
	}
	s.hub.serveEvents(w, r, func() error { return verify(token) })
}

// tokenOf returns the token of a request without blanks and line feeds around it.
func tokenOf(r *http.Request) string { return strings.TrimSpace(r.URL.Query().Get("token")) }

// writeError writes an error response like those of the rest of the proxy.
func writeError(w http.ResponseWriter, status int, message string) {
	body, _ := jsontext.AppendQuote([]byte(`{"error":`), message) // fails only for invalid UTF-8
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '}'))
}
