package server

import (
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"
)

const (
	// maxRejected is how many rejected entries of a batch an answer lists.
	maxRejected = 20

	// maxLines bounds the memory that the lines of one batch take: a short
	// entry can become a long line through its prefix and configured tags.
	maxLines = 16 << 20
)

// rejection is the verdict on a bad entry of a batch.
type rejection struct {
	index   int
	message string
}

// forwardBatch sends the good entries of a batch and reports the bad ones. A
// batch that cannot be read to its end sends nothing.
func (s *Server) forwardBatch(ctx *fasthttp.RequestCtx, w *work, r *route, body []byte) *refusal {
	entries, rejected := 0, 0
	for w.decoder.OpenBatch(body); ; entries++ {
		bad, err := w.decoder.Next(&w.metric)
		if err == io.EOF {
			break
		}
		if err != nil {
			return refuse(fasthttp.StatusBadRequest, err.Error())
		}
		if bad == nil {
			bad = s.encode(w, r, entries)
		}
		if bad != nil {
			rejected++
			if w.lists(entries) {
				w.reject(entries, bad.Error())
			}
		}
		if len(w.lines.Bytes) > maxLines {
			return refuse(fasthttp.StatusRequestEntityTooLarge,
				fmt.Sprintf("the lines of the batch take more than %d bytes: send it in parts", maxLines))
		}
	}
	if entries == 0 {
		return refuse(fasthttp.StatusBadRequest, "the batch is empty")
	}
	if no := s.takeBatch(w, entries); no != nil {
		return no
	}
	rejected += s.dropSeries(w)
	if no := s.send(&w.lines); no != nil {
		return no
	}
	s.answerBatch(ctx, entries-rejected, w.rejected)
	return nil
}

// answerBatch writes the verdicts on a batch as the response.
func (s *Server) answerBatch(ctx *fasthttp.RequestCtx, accepted int, rejected []rejection) {
	if accepted == 0 {
		ctx.Response.SetStatusCode(fasthttp.StatusBadRequest)
	}
	ctx.Response.Header.SetContentType("application/json")
	body := append(ctx.Response.Body()[:0], `{"accepted":`...)
	body = strconv.AppendInt(body, int64(accepted), 10)
	body = append(body, `,"rejected":[`...)
	for i, r := range rejected {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"index":`...)
		body = strconv.AppendInt(body, int64(r.index), 10)
		body = append(body, `,"error":`...)
		body, _ = jsontext.AppendQuote(body, r.message) // an error only tells of bad UTF-8, which is mended
		body = append(body, '}')
		if s.debug && s.refusals.allow() {
			s.log.Debug("rejected", "index", r.index, "error", r.message, "client", ctx.RemoteAddr())
		}
	}
	ctx.Response.SetBody(append(body, "]}"...))
}
