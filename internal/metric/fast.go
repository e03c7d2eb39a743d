package metric

import (
	"bytes"
	"encoding/binary"
)

// fastPath says which lines and fields are already in their final form.
type fastPath struct {
	places    [256]byte // the places where each byte is written unchanged
	isEnabled bool
	hasTags   bool // lines with tags can be in their final form, too
}

// The bits of fastPath.places.
const (
	inName = 1 << iota
	inKey
	inTagValue
)

// setFastPath derives e.fast from the other fields of e.
func (e *Encoder) setFastPath() {
	for i := range e.fast.places {
		b := byte(i)
		if e.names.written[b] == b && b != 0 && b != '/' {
			e.fast.places[b] |= inName
		}
		if e.keys.written[b] == b && b != 0 {
			e.fast.places[b] |= inKey
		}
		if e.values.written[b] == b && b != 0 {
			e.fast.places[b] |= inTagValue
		}
	}
	e.fast.isEnabled = len(e.tags) == 0 || e.format.isDropped
	e.fast.hasTags = e.format.name == "influxdb"
}

// scanName returns the length of the name in its final form at the beginning of text,
// or 0 if there is none.
func (e *Encoder) scanName(text []byte) (length int) {
	if !e.fast.isEnabled || len(text) == 0 || text[0] == '.' {
		return 0
	}
	places := &e.fast.places
	for ; length+4 <= len(text); length += 4 {
		w := binary.LittleEndian.Uint32(text[length:])
		if places[byte(w)]&places[byte(w>>8)]&places[byte(w>>16)]&places[byte(w>>24)]&inName == 0 {
			break
		}
	}
	for length < len(text) && places[text[length]]&inName != 0 {
		length++
	}
	return length
}

// scanTags scans tags in their final form, the first key of which begins at text[i].
//
//	env=prod,locale=en-us
//
// It returns their end, and whether their keys are in strictly ascending order. end is 0
// if the tags are not in their final form, or if the client may not write them.
func (e *Encoder) scanTags(text []byte, i int, scope *Scope) (end int, isSorted bool) {
	if !e.fast.hasTags {
		return 0, false
	}
	places := &e.fast.places
	isSorted = true
	var last []byte // the key of the tag before
	for range MaxTags {
		start := i
		for i < len(text) && places[text[i]]&inKey != 0 {
			i++
		}
		if i == start || i == len(text) || text[i] != '=' {
			return 0, false
		}
		key := text[start:i]
		if len(last) > 0 && last[0] >= key[0] && bytes.Compare(last, key) >= 0 {
			isSorted = false
		}
		if (scope != nil || e.needsKeyCheck(key)) && e.checkKey(key, scope) != nil {
			return 0, false
		}
		last = key
		value := i + 1
		for i = value; i < len(text) && places[text[i]]&inTagValue != 0; i++ {
		}
		if i == value {
			return 0, false
		}
		if i == len(text) || text[i] != ',' {
			return i, isSorted
		}
		i++
	}
	return 0, false
}

// appendStart appends a line feed, if dst is not empty, and the configured prefix.
func (e *Encoder) appendStart(dst []byte) (_ []byte, start int) {
	if len(dst) > 0 {
		dst = append(dst, '\n')
	}
	return append(dst, e.prefix...), len(dst)
}

// isRejectedName reports whether a name with its prefixes, the last length bytes of which
// come from the client, is too long, reserved or forbidden.
func (e *Encoder) isRejectedName(kind Kind, name []byte, length int, scope *Scope) bool {
	return len(name) > MaxName || e.mayBeReserved(name) && e.checkReservedName(kind, name) != nil ||
		(scope != nil || e.hasPatterns) && e.checkAllowed(kind, name[len(name)-length:], scope) != nil
}

// describe describes in w a line of one value that a client sends with rate. name is the
// part of the line before its value, and nameEnd the length of the name in it. The client
// has sampled.
func (e *Encoder) describe(w *Written, kind Kind, name []byte, nameEnd int, rate float64) {
	w.Kind, w.Rate, w.Name, w.Tags, w.nameEnd = kind, 1, name, nil, nameEnd
	w.Repeats = 0
	if e.repeats.Has(kind) {
		w.Repeats = 1 / rate
	}
}

// maxFastTags is the maximum number of tags that appendInOrder sorts.
const maxFastTags = 8

// appendInOrder appends tags such as env=prod,app=web in the order of their keys, each
// with a comma before it. It returns nil if two keys are the same or if there are too many
// tags.
func appendInOrder(dst, tags []byte) []byte {
	var sorted [maxFastTags]struct{ key, tag []byte }
	n := 0
	for more := true; more; n++ {
		if n == maxFastTags {
			return nil
		}
		tag := tags
		end := bytes.IndexByte(tags, ',')
		if more = end >= 0; more {
			tag, tags = tags[:end], tags[end+1:]
		}
		key := tag[:bytes.IndexByte(tag, '=')]
		i := n
		for ; i > 0; i-- {
			order := bytes.Compare(sorted[i-1].key, key)
			if order == 0 {
				return nil
			}
			if order < 0 {
				break
			}
			sorted[i] = sorted[i-1]
		}
		sorted[i].key, sorted[i].tag = key, tag
	}
	for i := range sorted[:n] {
		dst = append(append(dst, ','), sorted[i].tag...)
	}
	return dst
}
