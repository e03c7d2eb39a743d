// Package browserclient holds the browser client as the files that the proxy serves:
// a classic script and a module, each with its types.
//
// The files are copies of what client/ builds, see make client. So the program needs
// no other files, and a page gets the client that fits its proxy.
package browserclient

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"path"
	"sync"
)

//go:embed files
var embedded embed.FS

// File is a file of the client, as it is and compressed. The slices must not be
// changed.
type File struct {
	ContentType string
	Text, Gzip  []byte

	// ETag and GzipETag are the entity tags of Text and Gzip (RFC 9110, section
	// 8.8.3).
	ETag, GzipETag string
}

// contentTypes are the content types by file extension. Browsers run a script only with
// the type of scripts.
var contentTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8",
	".ts":  "text/plain; charset=utf-8",
	".mts": "text/plain; charset=utf-8",
}

// Files returns the files by their URL paths, such as /client.js. The first call
// compresses them.
var Files = sync.OnceValue(load)

func load() map[string]*File {
	const directory = "files"
	entries, err := embedded.ReadDir(directory)
	if err != nil {
		panic(err) // the files are part of the program
	}
	files := make(map[string]*File)
	for _, entry := range entries {
		text, err := embedded.ReadFile(path.Join(directory, entry.Name()))
		if err != nil {
			panic(err)
		}
		hash := sha256.Sum256(text)
		tag := base64.RawURLEncoding.EncodeToString(hash[:12])
		files["/"+entry.Name()] = &File{
			ContentType: contentTypes[path.Ext(entry.Name())],
			Text:        text,
			Gzip:        compress(text),
			ETag:        `"` + tag + `"`,
			GzipETag:    `"` + tag + `-gzip"`,
		}
	}
	return files
}

// compress returns text in the coding gzip.
func compress(text []byte) []byte {
	var buffer bytes.Buffer
	w, err := gzip.NewWriterLevel(&buffer, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is valid
	}
	// A buffer takes all that is written.
	_, _ = w.Write(text)
	_ = w.Close()
	return buffer.Bytes()
}
