package ingest

import (
	"bytes"
	"net/http"

	"statsd-http-proxy/internal/browserclient"
	"statsd-http-proxy/internal/exchange"
)

// findClientFile returns the file of the browser client that a target names, or nil.
func (h *Handler) findClientFile(target []byte) *browserclient.File {
	if !h.options.ServesClient {
		return nil
	}
	path, _ := splitTarget(target)
	return browserclient.Files()[string(path)]
}

// fileMethods are the methods of the files of the client.
const fileMethods = "GET, HEAD"

// The header fields of files. A browser asks after an hour whether a file has changed.
//
// Vary names the origin also if the request has none: otherwise a browser could use the
// response to a script tag for the import of a module, which needs the fields of CORS.
// Pages that embed only what allows it (Cross-Origin-Embedder-Policy) can load the files.
var fileFields = []exchange.Field{
	{Name: "Cache-Control", Value: "public, max-age=3600"},
	{Name: "Cross-Origin-Resource-Policy", Value: "cross-origin"},
	{Name: "Vary", Value: "Origin, Accept-Encoding"},
}

// gzipFields are fileFields for a compressed file.
var gzipFields = append([]exchange.Field{{Name: "Content-Encoding", Value: "gzip"}}, fileFields...)

// serveClientFile answers a request for a file. Pages of all origins may read it, also
// those that may not send metrics: it is public and the same for all.
func serveClientFile(x *exchange.Exchange, file *browserclient.File) *exchange.HTTPError {
	q, response := &x.Request, &x.Response
	response.VariesByOrigin, response.AllowedOrigin = false, q.Bytes(q.Origin)
	response.Fields = fileFields
	switch {
	case q.IsPreflight():
		response.Status, response.AllowedMethods = http.StatusNoContent, fileMethods
		response.AllowedHeaders = requestedHeaders(q.Bytes(q.PreflightHeaders))
		return nil
	case !q.IsMethod(http.MethodGet) && !q.IsMethod(http.MethodHead):
		return methodNotAllowed(q.Bytes(q.Method), fileMethods)
	}
	text, etag := file.Text, file.ETag
	isCompressed := acceptsGzip(q.Bytes(q.AcceptEncoding))
	if isCompressed {
		text, etag = file.Gzip, file.GzipETag
	}
	response.Header, response.Value = "ETag", etag
	if matchesETag(q.Bytes(q.IfNoneMatch), etag) {
		response.Status = http.StatusNotModified
		return nil
	}
	if isCompressed {
		response.Fields = gzipFields
	}
	response.ContentType = file.ContentType
	response.Body = append(response.Body, text...)
	return nil
}

// acceptsGzip reports whether the value of an Accept-Encoding field (RFC 9110, section
// 12.5.3) names gzip without the quality 0.
func acceptsGzip(value []byte) bool {
	for coding := range bytes.SplitSeq(value, []byte{','}) {
		name, quality, _ := bytes.Cut(coding, []byte{';'})
		if !bytes.EqualFold(bytes.TrimSpace(name), []byte("gzip")) {
			continue
		}
		_, number, _ := bytes.Cut(quality, []byte{'='})
		number = bytes.TrimSpace(number)
		return len(number) == 0 || len(bytes.Trim(number, "0.")) > 0
	}
	return false
}

// matchesETag reports whether the value of an If-None-Match field (RFC 9110, section
// 13.1.2) names an entity tag. It compares weakly, because load balancers that compress
// make tags weak.
func matchesETag(value []byte, etag string) bool {
	for tag := range bytes.SplitSeq(value, []byte{','}) {
		tag = bytes.TrimPrefix(bytes.TrimSpace(tag), []byte("W/"))
		if string(tag) == etag || string(tag) == "*" {
			return true
		}
	}
	return false
}
