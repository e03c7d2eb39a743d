package server

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
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
func (s *Server) forwardBatch(w *work, r *route, body []byte) *refusal {
	entries, rejected := 0, 0
	for w.decoder.OpenBatch(body); ; entries++ {
		bad, err := s.encodeNext(w, r, entries)
		if err == io.EOF {
			break
		}
		if err != nil {
			return refuse(http.StatusBadRequest, err.Error())
		}
		if bad != nil {
			rejected++
			if w.lists(entries) {
				w.reject(entries, bad.Error())
			}
		}
		if len(w.lines.Bytes) > maxLines {
			return refuse(http.StatusRequestEntityTooLarge,
				fmt.Sprintf("the lines of the batch take more than %d bytes: send it in parts", maxLines))
		}
	}
	if entries == 0 {
		return refuse(http.StatusBadRequest, "the batch is empty")
	}
	if no := s.takeBatch(w, entries); no != nil {
		return no
	}
	rejected += s.dropSeries(w)
	if no := s.send(&w.lines); no != nil {
		return no
	}
	s.answerBatch(w, entries-rejected)
	return nil
}

// encodeNext appends the lines of the next entry of a batch, the one with that
// index, to w.lines, or tells what is bad about it. err is that of Decoder.Next.
func (s *Server) encodeNext(w *work, r *route, entry int) (bad, err error) {
	before := len(w.lines.Ends)
	if lines := w.decoder.Lines(); len(lines) > 0 {
		if written, n := s.options.Encoder.AppendFast(&w.lines, lines, r.scope()); n > 0 {
			w.decoder.Skip(n)
			s.sample(w, written, entry, before)
			return nil, nil
		}
	}
	if bad, err = w.decoder.Next(&w.metric); bad != nil || err != nil {
		return bad, err
	}
	return s.encode(w, r, entry), nil
}

// answerBatch answers with the verdicts on a batch.
func (s *Server) answerBatch(w *work, accepted int) {
	if accepted == 0 {
		w.response.status = http.StatusBadRequest
	}
	w.response.contentType = "application/json"
	body := append(w.response.body, `{"accepted":`...)
	body = strconv.AppendInt(body, int64(accepted), 10)
	body = append(body, `,"rejected":[`...)
	for i, r := range w.rejected {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"index":`...)
		body = strconv.AppendInt(body, int64(r.index), 10)
		body = append(body, `,"error":`...)
		body, _ = jsontext.AppendQuote(body, r.message) // an error only tells of bad UTF-8, which is mended
		body = append(body, '}')
		if s.debug && s.refusals.allow() {
			s.log.Debug("rejected", "index", r.index, "error", r.message, "client", s.clientAddress(&w.request))
		}
	}
	w.response.body = append(body, "]}"...)
}
