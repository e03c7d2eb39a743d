package decode

import "statsd-http-proxy/internal/metric"

// The names of members, as words of up to eight bytes with the quotes and colons that fit.
const (
	memberMetric     = '"' | 'm'<<8 | 'e'<<16 | 't'<<24 | 'r'<<32 | 'i'<<40 | 'c'<<48 | '"'<<56
	memberMetricType = '"' | 'm'<<8 | 'e'<<16 | 't'<<24 | 'r'<<32 | 'i'<<40 | 'c'<<48 | '_'<<56 // metric_type
	restOfMetricType = 't' | 'y'<<8 | 'p'<<16 | 'e'<<24 | '"'<<32 | ':'<<40
	memberValue      = '"' | 'v'<<8 | 'a'<<16 | 'l'<<24 | 'u'<<32 | 'e'<<40 | '"'<<48 | ':'<<56
	memberSampleRate = '"' | 's'<<8 | 'a'<<16 | 'm'<<24 | 'p'<<32 | 'l'<<40 | 'e'<<48 | 'R'<<56 // sampleRate
	restOfSampleRate = 'a' | 't'<<8 | 'e'<<16 | '"'<<24 | ':'<<32
	memberTags       = '"' | 't'<<8 | 'a'<<16 | 'g'<<24 | 's'<<32 | '"'<<40 | ':'<<48
	memberName       = '"' | 'n'<<8 | 'a'<<16 | 'm'<<24 | 'e'<<32 | '"'<<40 | ':'<<48
	memberType       = '"' | 't'<<8 | 'y'<<16 | 'p'<<24 | 'e'<<32 | '"'<<40 | ':'<<48
)

// scanMember returns the parameter whose member begins at data[i], and the index after its
// colon. end is 0 for rare members and for everything else.
func scanMember(data []byte, i int) (f field, end int) {
	switch first := word(data, i); first {
	case memberValue:
		return fieldValue, i + len(`"value":`)
	case memberMetric:
		if end = i + len(`"metric":`); end <= len(data) && data[end-1] == ':' {
			return fieldName, end
		}
	case memberMetricType:
		if firstBytes(word(data, i+wordBytes), len(`type":`)) == restOfMetricType {
			return fieldKind, i + len(`"metric_type":`)
		}
	case memberSampleRate:
		if firstBytes(word(data, i+wordBytes), len(`ate":`)) == restOfSampleRate {
			return fieldRate, i + len(`"sampleRate":`)
		}
	default:
		switch firstBytes(first, len(`"tags":`)) {
		case memberTags:
			return fieldTags, i + len(`"tags":`)
		case memberName:
			return fieldName, i + len(`"name":`)
		case memberType:
			return fieldKind, i + len(`"type":`)
		}
	}
	return 0, 0
}

// scanFields decodes the object whose brace is data[i] if it is in the form in which
// programs write JSON: no escapes, no null, short integers without sign, and no white
// space except one blank after colons and commas:
//
//	{"metric":"some.key","metric_type":"count","value":1,"tags":"env=prod"}
//
// The object has to have the required parameters, and a name or a kind only if it is
// required. scanFields returns the end of the object. It returns 0 for all other objects,
// valid or not, and for objects with the rare parameters time and shift; the contents of
// d.fields are undefined then.
func (d *Decoder) scanFields(data []byte, i int, required uint8) (end int) {
	f := d.resetFields()
	for seen := entryFields &^ required; ; {
		param, next := scanMember(data, i+1)
		if next == 0 || seen&(1<<param) != 0 {
			return 0
		}
		seen |= 1 << param
		i = skipBlank(data, next)
		switch param {
		case fieldName:
			f.Name, i = scanString(data, i)
		case fieldKind:
			f.Kind, i = scanKind(data, i)
		case fieldValue:
			f.Value, i = scanValue(data, i)
		case fieldRate:
			f.Rate, i = scanFraction(data, i)
		case fieldTags:
			f.Tags, i = d.scanTags(data, i)
		}
		if i == 0 || i >= len(data) {
			return 0
		}
		if data[i] != ',' {
			if data[i] != '}' || seen&entryFields != entryFields {
				return 0
			}
			return i + 1
		}
		i = skipBlank(data, i+1) - 1
	}
}

// entryFields are the bits of the parameters that an entry of a batch must have.
const entryFields = uint8(1<<fieldName | 1<<fieldKind)

// resetFields empties d.fields and returns it.
func (d *Decoder) resetFields() *metric.Fields {
	d.resetScratch()
	d.fields = metric.Fields{}
	return &d.fields
}

// scanTags returns the tags that begin at data[i], a string or an object, as text, and
// their end, or the end 0. Metrics that follow often have the same tags: scanTags compares
// with the last string first.
func (d *Decoder) scanTags(data []byte, i int) (tags []byte, end int) {
	if i < len(data) && data[i] == '{' {
		return d.scanTagObject(data, i)
	}
	quoted := d.lastTags
	if end = i + len(quoted); len(quoted) > 0 && end <= len(data) && string(data[i:end]) == string(quoted) {
		return data[i+1 : end-1 : end-1], end
	}
	if tags, end = scanString(data, i); end > 0 {
		d.lastTags = data[i:end]
	}
	return tags, end
}

func skipBlank(data []byte, i int) int {
	if i < len(data) && data[i] == ' ' {
		i++
	}
	return i
}

// scanTagObject returns the tags of the object whose brace is data[i], such as
// {"env":"prod"}, as text, and the end of the object. The text is a part of d.scratch. The
// end is 0 if the object is empty, or if one of the keys or values is empty, is no string,
// or has a character that is special in the text or rare.
func (d *Decoder) scanTagObject(data []byte, i int) (text []byte, end int) {
	start := len(d.scratch)
	for {
		if i = d.copyTagText(data, i+1, '='); i == 0 || i == len(data) || data[i] != ':' {
			return nil, 0
		}
		if i = d.copyTagText(data, skipBlank(data, i+1), ','); i == 0 || i == len(data) {
			return nil, 0
		}
		switch data[i] {
		case ',':
			i = skipBlank(data, i+1) - 1
		case '}':
			stop := len(d.scratch) - len(",")
			return d.scratch[start:stop:stop], i + 1
		default:
			return nil, 0
		}
	}
}

// copyTagText appends the string that begins at data[i], and the byte after, to d.scratch.
// It returns the end of the string, or 0.
func (d *Decoder) copyTagText(data []byte, i int, after byte) (end int) {
	if i >= len(data) || data[i] != '"' {
		return 0
	}
	start := i + 1
	for i = start; i < len(data) && isTagText[data[i]]; i++ {
	}
	if i == start || i == len(data) || data[i] != '"' {
		return 0
	}
	d.scratch = append(append(d.scratch, data[start:i]...), after)
	return i + 1
}

// isTagText holds which bytes mean the same in an object of tags and in tags as text:
// graphic ASCII characters without quotes and backslashes, commas and equals signs.
var isTagText = func() (t [256]bool) {
	for b := byte('!'); b < 0x7f; b++ {
		t[b] = stringBytes[b] == ordinary && b != ',' && b != '='
	}
	return t
}()

// fastObject decodes the next object of a batch into m if scanFields does, with the same
// result as Decoder.object. Otherwise it returns false and leaves the object unread. The
// contents of m are undefined then.
func (d *Decoder) fastObject(m *metric.Metric) bool {
	end := d.scanFields(d.scan.data, d.scan.pos, entryFields)
	if end == 0 {
		return false
	}
	f := &d.fields
	m.Kind, m.Name, m.Value = f.Kind, f.Name, f.Value
	if len(f.Rate) > 0 {
		m.SampleRate = metric.Value{Text: f.Rate, Form: metric.Number}
	}
	if splitTags(m, f.Tags, ',', '=') != nil {
		return false
	}
	d.scan.pos = end
	return true
}

// Fields decodes the next entry of a JSON array if it is in its usual form, see
// metric.Fields. It returns the length of the entry with what is before it, so that Skip
// removes it, and 0 for all other entries. The fields are valid until the next call of a
// method of d, except for Skip.
func (d *Decoder) Fields() (f *metric.Fields, length int) {
	if d.format != formatArray {
		return nil, 0
	}
	data, i := d.scan.data, d.scan.pos
	before := byte(',')
	if !d.hasStarted {
		before = '['
	}
	if i >= len(data) || data[i] != before {
		return nil, 0
	}
	if i++; i < len(data) && (data[i] == ' ' || data[i] == '\n') {
		i++
	}
	if i >= len(data) || data[i] != '{' {
		return nil, 0
	}
	end := d.scanFields(data, i, entryFields)
	if end == 0 {
		return nil, 0
	}
	return &d.fields, end - d.scan.pos
}
