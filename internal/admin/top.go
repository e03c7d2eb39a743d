package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"statsd-http-proxy/internal/top"
)

// serveTop answers a request for /debug/top:
//
//	series
//	  1200  some.key,env=prod
//	    17  other.key
func serveTop(w http.ResponseWriter, r *http.Request, t *top.Top) {
	report := t.Report(time.Now())
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		fields := make(map[string][]top.Count, len(report))
		for _, d := range report {
			fields[d.Name] = d.Counts
		}
		text, err := json.Marshal(fields)
		if err != nil { // the fields are strings and numbers
			writeText(w, http.StatusInternalServerError, err.Error()+"\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(append(text, '\n')) // an error means that the client is gone
		return
	}
	var b strings.Builder
	for _, d := range report {
		b.WriteString(d.Name + "\n")
		for _, c := range d.Counts {
			fmt.Fprintf(&b, "%10d  %s\n", c.Count, printable(c.Key))
		}
	}
	writeText(w, http.StatusOK, b.String())
}

// printable returns a key that clients have chosen without line breaks and other
// characters that a terminal could obey.
func printable(key string) string {
	quoted := strconv.QuoteToGraphic(key)
	return quoted[1 : len(quoted)-1]
}
