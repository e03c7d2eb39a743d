package ingest

import (
	"bytes"
	"mime"
	"net/http"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/quote"
)

// textTypes are the content types for which the body itself shows its format.
var textTypes = [][]byte{
	[]byte("application/json"),
	[]byte("text/plain"),
	[]byte("application/x-www-form-urlencoded"),
	[]byte("application/octet-stream"), // fasthttp's and aiohttp's default
	{},                                 // no content type
}

// checkType checks the value of a Content-Type field. boundary is that of a multipart
// form, empty for other types. A batch cannot be a multipart form.
func checkType(value []byte, isBatch bool) (boundary string, herr *exchange.HTTPError) {
	mediaType, _, _ := bytes.Cut(value, []byte{';'})
	mediaType = bytes.TrimSpace(mediaType)
	for _, known := range textTypes {
		if bytes.EqualFold(mediaType, known) {
			return "", nil
		}
	}
	if isBatch || !bytes.EqualFold(mediaType, []byte("multipart/form-data")) {
		return "", exchange.NewError(http.StatusUnsupportedMediaType,
			"content type "+quote.Bytes(mediaType)+" is not supported here")
	}
	_, params, err := mime.ParseMediaType(string(value))
	if err != nil || params["boundary"] == "" {
		return "", exchange.NewError(http.StatusBadRequest, "the content type multipart/form-data has no boundary")
	}
	return params["boundary"], nil
}
