package server

import (
	"cmp"
	"slices"
	"time"
	"unsafe"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// seriesWait is after what time a series that was one too many may be let in.
const seriesWait = time.Minute

// series is what an entry has written its lines to.
type series struct {
	entry int    // its index
	group int    // the first of its groups of lines
	name  int    // how long its name is, which its first line begins with
	hash  uint64 // see limit.HashSeries
}

const seriesSize = int(unsafe.Sizeof(series{}))

// dropSeries takes the lines out of w whose series are too many, notes their
// entries as rejected and returns how many they are. It is called when all else
// is decided: what is not sent must not keep others out.
func (s *Server) dropSeries(w *work) (dropped int) {
	if len(w.series) == 0 {
		return 0
	}
	now := time.Now()
	all := w.lines
	var kept metric.Lines // in the memory of all, which is read ahead of it
	kept.Bytes, kept.Ends = all.Bytes[:0], all.Ends[:0]
	start := 0
	for i, one := range w.series {
		next := len(all.Ends)
		if i+1 < len(w.series) {
			next = w.series[i+1].group
		}
		isAdmitted := s.options.Series.Admit(one.hash, now)
		if !isAdmitted {
			dropped++
			if w.lists(one.entry) {
				w.reject(one.entry, "too many series are in use for the new one of "+quote.Bytes(all.Bytes[start:start+one.name]))
			}
		}
		for _, end := range all.Ends[one.group:next] {
			if isAdmitted {
				kept.Append(all.Bytes[start:end])
			}
			start = end + 1
		}
	}
	if w.lines = kept; dropped > 0 {
		s.crowded.Do(func() { s.log.Warn("too many series are in use, new ones are refused") })
	}
	return dropped
}

// lists tells whether the rejection of an entry would be among the first ones,
// which are listed.
func (w *work) lists(entry int) bool {
	return len(w.rejected) < maxRejected || entry < w.rejected[maxRejected-1].index
}

// reject notes the rejection of an entry that is to be listed.
func (w *work) reject(entry int, message string) {
	i, _ := slices.BinarySearchFunc(w.rejected, entry, func(r rejection, entry int) int { return cmp.Compare(r.index, entry) })
	w.rejected = slices.Insert(w.rejected, i, rejection{entry, message})
	w.rejected = w.rejected[:min(len(w.rejected), maxRejected)]
}
