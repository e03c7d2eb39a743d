package decode

import "statsd-http-proxy/internal/metric"

// The most frequent kinds, with the quotes after them.
const (
	kindCount  = 'c' | 'o'<<8 | 'u'<<16 | 'n'<<24 | 't'<<32 | '"'<<40
	kindGauge  = 'g' | 'a'<<8 | 'u'<<16 | 'g'<<24 | 'e'<<32 | '"'<<40
	kindTiming = 't' | 'i'<<8 | 'm'<<16 | 'i'<<24 | 'n'<<32 | 'g'<<40 | '"'<<48
)

// scanKind returns the kind whose name is the string that begins at data[i], and the end
// of the string, which is 0 if there is none.
func scanKind(data []byte, i int) (kind metric.Kind, end int) {
	if i < len(data) && data[i] == '"' {
		name := word(data, i+1)
		switch {
		case firstBytes(name, len(`count"`)) == kindCount:
			return metric.Count, i + len(`"count"`)
		case firstBytes(name, len(`timing"`)) == kindTiming:
			return metric.Timing, i + len(`"timing"`)
		case firstBytes(name, len(`gauge"`)) == kindGauge:
			return metric.Gauge, i + len(`"gauge"`)
		}
	}
	text, end := scanString(data, i)
	kind, ok := metric.ParseKind(text)
	if !ok {
		return 0, 0
	}
	return kind, end
}

// scanValue returns the string or the integer that begins at data[i], and its end, or the
// end 0.
func scanValue(data []byte, i int) (value metric.Value, end int) {
	if i < len(data) && data[i] == '"' {
		value.Form = metric.String
		value.Text, end = scanString(data, i)
		return value, end
	}
	value.Form = metric.Number
	value.Text, end = scanInteger(data, i)
	return value, end
}

// scanString returns the string that begins at data[i], and its end. The end is 0 if there
// is no string, or if the string has escapes or other characters than ASCII.
func scanString(data []byte, i int) (text []byte, end int) {
	if i >= len(data) || data[i] != '"' {
		return nil, 0
	}
	start := i + 1
	for i = start; i < len(data); i += wordBytes {
		if found := endsString(word(data, i)); found != 0 {
			i += firstByte(found)
			break
		}
	}
	if i >= len(data) || data[i] != '"' {
		return nil, 0
	}
	return data[start:i:i], i + 1
}

// scanInteger returns the integer that begins at data[i], and its end. The end is 0 if there
// is none, or if it has a leading zero, which JSON forbids.
func scanInteger(data []byte, i int) (digits []byte, end int) {
	for end = i; end < len(data); end += wordBytes {
		if found := endsDigits(word(data, end)); found != 0 {
			end += firstByte(found)
			break
		}
	}
	if end = min(end, len(data)); end <= i || end > i+1 && data[i] == '0' {
		return nil, 0
	}
	return data[i:end:end], end
}

// scanFraction returns the number from 0 to 1 that begins at data[i], such as 0.25, and its
// end, which is 0 if there is none.
func scanFraction(data []byte, i int) (text []byte, end int) {
	if i >= len(data) || data[i] != '0' && data[i] != '1' {
		return nil, 0
	}
	end = i + 1
	if end < len(data) && data[end] == '.' {
		end++
		n := firstByte(endsDigits(word(data, end)))
		if n == 0 || n == wordBytes {
			return nil, 0
		}
		end += n
	}
	return data[i:end:end], end
}
