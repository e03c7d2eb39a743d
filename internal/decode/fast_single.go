package decode

import (
	"bytes"

	"statsd-http-proxy/internal/metric"
)

// SingleFields decodes the parameters of a request with one metric if they are in their
// usual form, see metric.Fields: a JSON object or a form, without escapes and line breaks,
// and no parameter but token in the query string. The result is the same as that of Decode.
// f has the name and the kind only if the body has them. The fields are parts of the body
// or of d: they are valid until the next call of a method of d.
//
// If SingleFields returns false, the request may be valid or not.
func (d *Decoder) SingleFields(in *Input) (f *metric.Fields, ok bool) {
	body := in.Body
	if len(body) == 0 || in.Boundary != "" || !isOnlyToken(in.Query) {
		return nil, false
	}
	if body[0] == '{' {
		d.lastTags = nil // of another request
		ok = d.scanFields(body, 0, requiredFields[in.Params]) == len(body)
	} else {
		ok = d.scanForm(body, in.Params)
	}
	return &d.fields, ok
}

// requiredFields holds the bits of the parameters that a request must have.
var requiredFields = [...]uint8{ValueParams: 0, NamedParams: 1 << fieldName, EntryParams: entryFields}

// isOnlyToken reports whether a query string is empty, or a token without escapes.
func isOnlyToken(query []byte) bool {
	return len(query) == 0 || bytes.HasPrefix(query, []byte("token=")) && endOfFormText(query, 0) == len(query)
}

// scanForm decodes a form such as value=1&tags=env=prod into d.fields if it is in its usual
// form, and reports whether it is.
func (d *Decoder) scanForm(form []byte, params Params) bool {
	f := d.resetFields()
	d.params = params
	seen := uint8(0)
	for i := 0; i <= len(form); i++ {
		start := i
		i = endOfFormText(form, i)
		if i < len(form) && form[i] != '&' {
			return false
		}
		name, text, _ := cut(form[start:i:i], '=')
		param, ok := d.field(name)
		if !ok || seen&(1<<param) != 0 || len(text) == 0 {
			return false
		}
		seen |= 1 << param
		switch param {
		case fieldName:
			f.Name = text
		case fieldValue:
			f.Value = metric.Value{Text: text, Form: metric.String}
		case fieldRate:
			f.Rate = text
		case fieldTags:
			f.Tags = text
		default:
			return false
		}
	}
	required := requiredFields[params]
	return seen&required == required
}

// endOfFormText returns the end of the bytes from form[i] on that stand for themselves.
func endOfFormText(form []byte, i int) int {
	for i < len(form) && isFormText[form[i]] {
		i++
	}
	return i
}

// isFormText holds the bytes of a form that stand for themselves: graphic ASCII characters
// but ampersands, percent signs and plus signs.
var isFormText = func() (t [256]bool) {
	for b := byte('!'); b < 0x7f; b++ {
		t[b] = bytes.IndexByte([]byte("&%+"), b) < 0
	}
	return t
}()
