package decode

import "statsd-http-proxy/internal/metric"

// plainObject decodes the object that is next in a batch if it is written as
// programs write them: no escapes, no null, numbers that are whole, and no white
// space but a blank behind a colon or comma. It is a quicker way for what a batch mostly consists of:
//
//	{"metric":"some.key","metric_type":"count","value":1,"tags":"env=prod"}
//
// For any other object, also one that is wrong, it returns false; what m holds is
// void then, and the object is still unread.
func (d *Decoder) plainObject(m *metric.Metric) bool {
	d.begin(Entry)
	data := d.scan.data
	for i := d.scan.pos + 1; ; { // behind the brace, later behind a comma
		name, colon := plainText(data, i)
		f, ok := d.field(name)
		if colon == len(data) || data[colon] != ':' || !ok || d.seen&(1<<f) != 0 {
			return false
		}
		d.seen |= 1 << f
		i = skipBlank(data, colon+1)
		if text, end := plainText(data, i); text != nil {
			if setText(m, f, text) != nil {
				return false
			}
			i = end
		} else if text, end := plainNumber(data, i); text != nil && f < fieldTags {
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

// plainText returns the string that begins at data[i] and where it ends, nil if
// there is none, or one with escapes or with more than ASCII.
func plainText(data []byte, i int) (text []byte, end int) {
	if i >= len(data) || data[i] != '"' {
		return nil, len(data)
	}
	rest := data[i+1:]
	for n, b := range rest {
		if stringBytes[b] != inString {
			if b != '"' {
				break
			}
			return rest[:n:n], i + n + 2
		}
	}
	return nil, len(data)
}

// plainNumber returns the digits that begin at data[i] and where they end, nil
// if they begin with a zero that JSON does not allow, or if there are none.
func plainNumber(data []byte, i int) (digits []byte, end int) {
	end = i
	for end < len(data) && data[end]-'0' <= 9 {
		end++
	}
	if end == i || data[i] == '0' && end > i+1 {
		return nil, len(data)
	}
	return data[i:end:end], end
}
