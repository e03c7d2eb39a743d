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

// The page works offline: all that it loads is in here. What stands in page/lib
// comes from elsewhere, see make demo-lib, with licences that want to be where
// it is: they are in the program and are not served.
//
//go:embed page
var embedded embed.FS

// file is one of the page's files.
type file struct {
	contentType string
	etag        string
	content     []byte
}

// files are the page's files by the path of their URL. The page itself is /,
// all others stand below /demo/.
var files = loadFiles()

// contentTypes are the types of the files by their extension. Those of package
// mime depend on the machine.
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
		panic(err) // the file system is part of the program
	}
	return all
}

// policy is the page's Content-Security-Policy: nothing but its own files, and
// no script or style within the page.
const policy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

// Handler returns the handler of the page: GET and HEAD of /, of the files it
// needs below /demo/, and of /demo/events, which streams the lines that arrive
// as server-sent events until the request's context ends or the Server closes.
// The page sends its metrics to its own origin.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(s.serve)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Cross-Origin-Resource-Policy", "same-origin") // what arrives is no other page's business
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	f, isFile := files[r.URL.Path]
	switch isEvents := r.URL.Path == "/demo/events"; {
	case !isFile && !isEvents:
		fail(w, http.StatusNotFound, "there is no such page")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		fail(w, http.StatusMethodNotAllowed, "only GET and HEAD are allowed here")
	case isEvents:
		s.hub.serveEvents(w, r)
	default:
		header.Set("Content-Type", f.contentType)
		header.Set("Cache-Control", "no-cache") // ask each time: another version may be running
		header.Set("ETag", f.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	}
}

// fail answers with an error as the rest of the proxy does.
func fail(w http.ResponseWriter, status int, message string) {
	body, _ := jsontext.AppendQuote([]byte(`{"error":`), message) // the messages are ours
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '}'))
}
