package http2

import (
	"context"
	"net/http"
	"time"
)

// servePage lets Response.Page write the response to r. Each write has the write timeout;
// the whole response has no timeout.
func (st *stream) servePage(out http.ResponseWriter, r *http.Request) {
	options := &st.server.options
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(options.Stopping, cancel)()
	page := &pageWriter{ResponseWriter: out, control: http.NewResponseController(out), timeout: options.WriteTimeout, stream: st}
	page.clearDeadline()
	st.Response.Page.ServeHTTP(page, r.WithContext(ctx))
	page.count(http.StatusOK)
}

// pageWriter is the http.ResponseWriter of a page.
type pageWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration

	stream    *stream
	isCounted bool
}

// WriteHeader counts the request and writes the header fields.
func (p *pageWriter) WriteHeader(status int) {
	p.count(status)
	p.ResponseWriter.WriteHeader(status)
}

// count counts the request once.
func (p *pageWriter) count(status int) {
	if !p.isCounted {
		p.isCounted = true
		p.stream.stats.CountRequest(p.stream.Route, status, 0)
	}
}

// clearDeadline removes the write deadline, so that any time may pass before the next
// write.
func (p *pageWriter) clearDeadline() { _ = p.control.SetWriteDeadline(time.Time{}) }

func (p *pageWriter) Write(text []byte) (int, error) {
	p.count(http.StatusOK)
	defer p.clearDeadline()
	if err := p.control.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, err
	}
	return p.ResponseWriter.Write(text)
}

// FlushError sends what was written, see http.ResponseController.
func (p *pageWriter) FlushError() error {
	p.count(http.StatusOK)
	defer p.clearDeadline()
	if err := p.control.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return err
	}
	return p.control.Flush()
}
