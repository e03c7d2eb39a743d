package metric

// spans holds the positions of the parts of a line in a buffer, so that the encoder can
// add further values with the same head, type and sections. Such a line has one value,
// or several values in one of two forms:
//
//	name,env=prod:1|c|@0.1
//	name:1|c|@0.1|#env:prod|c:in-1
//	name:1|c|@0.1:2|c|@0.1|#env:prod
//	name:1:2|c|@0.1|#env:prod
type spans struct {
	start    int // of the line
	nameEnd  int // the end of the name; in most formats the tags follow
	value    int // of the first value, after the colon
	tail     int // of the first type, with the pipe before it
	typeLen  int // the length of a type with its sample rate: |c|@0.1
	sections int // of the sections after the last type: tags at the end, extensions
	tagsEnd  int // the end of the tags in the sections
	end      int // of the line

	added int // the number of bytes of prefixes and configured tags
}

// appendLine appends a line feed and a line with the value v to dst, which ends
// with the line of s. Then s describes the new line.
func (s *spans) appendLine(dst []byte, v *checkedValue) []byte {
	dst = append(dst, '\n')
	start := len(dst)
	dst = append(dst, dst[s.start:s.value]...)
	dst = v.append(dst)
	tail := len(dst)
	dst = append(dst, dst[s.tail:s.tail+s.typeLen]...)
	sections := len(dst)
	dst = append(dst, dst[s.sections:s.end]...)
	*s = spans{
		start:    start,
		nameEnd:  s.nameEnd - s.start + start,
		value:    s.value - s.start + start,
		tail:     tail,
		sections: sections,
		tagsEnd:  s.tagsEnd - s.sections + sections,
		end:      len(dst),
		typeLen:  s.typeLen,
		added:    s.added,
	}
	return dst
}

// move adds n to all positions.
func (s *spans) move(n int) {
	for _, position := range []*int{&s.start, &s.nameEnd, &s.value, &s.tail, &s.sections, &s.tagsEnd, &s.end} {
		*position += n
	}
}

// addValue adds the value v to the line of s, which dst ends with, if the line is
// no longer than maxLine then. It reports whether it has.
func (s *spans) addValue(dst []byte, v *checkedValue, form valuesForm, maxLine int) ([]byte, bool) {
	end := len(dst)
	dst = append(dst, ':')
	dst = v.append(dst)
	at := s.tail
	if form == repeatedType {
		dst = append(dst, dst[s.tail:s.tail+s.typeLen]...)
		at = s.sections
	}
	if len(dst)-s.start > maxLine {
		return dst[:end], false
	}
	n := len(dst) - end
	dst = moveTo(dst, at, end)
	if form == sharedType {
		s.tail += n
	}
	s.sections += n
	s.tagsEnd += n
	s.end += n
	return dst, true
}

// moveTo moves dst[from:] to at, before dst[at:from]. It uses the memory after dst.
func moveTo(dst []byte, at, from int) []byte {
	if at == from {
		return dst
	}
	end := len(dst)
	dst = append(dst, dst[from:]...)
	copy(dst[at+end-from:end], dst[at:from])
	copy(dst[at:], dst[end:])
	return dst[:end]
}
