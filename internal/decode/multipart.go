package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// multipart decodes a body of the type multipart/form-data, as browsers encode a
// FormData, into m. A part that is a file is an error.
func (d *Decoder) multipart(m *metric.Metric, body []byte, boundary string) error {
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			// NextPart returns io.EOF also if the body breaks off in the headers
			// of a part.
			if !bytes.Contains(body, []byte("--"+boundary+"--")) {
				return errors.New("malformed multipart body: it breaks off")
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("malformed multipart body: %s", quote.Cut(err.Error()))
		}
		name := []byte(part.FormName())
		if part.FileName() != "" {
			return quote.Error("parameter %s is a file", name)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return quote.Error("parameter %s breaks off", name)
		}
		if err := d.textParameter(m, name, text); err != nil {
			return err
		}
	}
}
