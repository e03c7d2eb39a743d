package exchange

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Dates formats times for the Date header field. It formats once a second. Its zero
// value is ready for use, and it is safe for concurrent use.
type Dates struct {
	last atomic.Pointer[date]
}

type date struct {
	second int64
	text   string
}

// At returns now as HTTP writes it (RFC 9110, section 5.6.7).
func (d *Dates) At(now time.Time) string {
	last := d.last.Load()
	if second := now.Unix(); last == nil || last.second != second {
		last = &date{second, now.UTC().Format(http.TimeFormat)}
		d.last.Store(last)
	}
	return last.text
}
