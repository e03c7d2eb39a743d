package decode

import "statsd-http-proxy/internal/metric"

// fastObject decodes the next object of a batch if it is in the form in which
// programs write JSON: no escapes, no null, integers without sign, and no white
// space except one blank after colons and commas. It is the fast path for
// typical batches:
//
//	{"metric":"some.key","metric_type":"count","value":1,"tags":"env=prod"}
//
// The result is the same as that of Decoder.object. For all other objects, valid
// or not, fastObject returns false and leaves the object unread. The contents of
// m are undefined then.
func (d *Decoder) fastObject(m *metric.Metric) bool {
	d.begin(EntryParams)
	data := d.scan.data
	for i := d.scan.pos + 1; ; { // after the brace, later after a comma
		name, colon := fastText(data, i)
		f, ok := d.field(name)
		if colon == len(data) || data[colon] != ':' || !ok || d.seen&(1<<f) != 0 {
			return false
		}
		d.seen |= 1 << f
		i = skipBlank(data, colon+1)
		if text, end := fastText(data, i); text != nil {
			if setText(m, f, text) != nil {
				return false
			}
			i = end
		} else if text, end := fastNumber(data, i); text != nil && f < fieldTags {
			*valueOf(m, f) = metric.Value{Text: text, Form: metric.Number}
			i = end
		} else {
			return false
		}
		if i == len(data) || data[i] != ',' {
			if i == len(data) || data[i] != '}' || d.end() != nil {
				return false
			}
			d.scan.pos = i + 1
			return true
		}
		i = skipBlank(data, i+1)
	}
}

func skipBlank(data []byte, i int) int {
	if i < len(data) && data[i] == ' ' {
		i++
	}
	return i
}

// fastText returns the string that begins at data[i], and its end. It returns
// nil if there is no string, or if the string has escapes or other characters
// than ASCII.
func fastText(data []byte, i int) (text []byte, end int) {
	if i >= len(data) || data[i] != '"' {
		return nil, len(data)
	}
	rest := data[i+1:]
	for n, b := range rest {
		if stringBytes[b] != ordinary {
			if b != '"' {
				break
			}
			return rest[:n:n], i + n + 2
		}
	}
	return nil, len(data)
}

// fastNumber returns the digits that begin at data[i], and their end. It returns
// nil if there are none, or if they have a leading zero, which JSON forbids.
func fastNumber(data []byte, i int) (digits []byte, end int) {
	end = i
	for end < len(data) && data[end]-'0' <= 9 {
		end++
	}
	if end == i || data[i] == '0' && end > i+1 {
		return nil, len(data)
	}
	return data[i:end:end], end
}
