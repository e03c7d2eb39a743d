package browserclient

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func TestFilesAreComplete(t *testing.T) {
	files := Files()
	f := func(path, contentType, part string) {
		t.Helper()
		file := files[path]
		if file == nil {
			t.Fatalf("there is no %s", path)
		}
		if file.ContentType != contentType {
			t.Errorf("%s: content type %q, want %q", path, file.ContentType, contentType)
		}
		if !bytes.Contains(file.Text, []byte(part)) || bytes.Contains(file.Text, []byte("sourceMappingURL")) {
			t.Errorf("%s: got %.80q…, want %q in it and no source map", path, file.Text, part)
		}
		if len(file.Gzip) >= len(file.Text) && len(file.Text) > 1000 {
			t.Errorf("%s: %d bytes, compressed %d", path, len(file.Text), len(file.Gzip))
		}
		r, err := gzip.NewReader(bytes.NewReader(file.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || !bytes.Equal(text, file.Text) {
			t.Errorf("%s: unpacked %.80q, %v", path, text, err)
		}
		if file.ETag == file.GzipETag || !strings.HasPrefix(file.ETag, `"`) || !strings.HasSuffix(file.GzipETag, `"`) {
			t.Errorf("%s: entity tags %s and %s", path, file.ETag, file.GzipETag)
		}
	}
	f("/client.js", "text/javascript; charset=utf-8", "StatsD")
	f("/client.mjs", "text/javascript; charset=utf-8", "export{")
	f("/client.d.ts", "text/plain; charset=utf-8", "declare const StatsD")
	f("/client.d.mts", "text/plain; charset=utf-8", "export declare class StatsD")
	if len(files) != 4 {
		t.Errorf("got %d files, want 4", len(files))
	}
}
