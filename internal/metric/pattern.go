package metric

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"statsd-http-proxy/internal/quote"
)

// maxPatterns is how many patterns a list may hold. Each is tried in turn, so
// the number bounds what a name costs.
const maxPatterns = 128

// Patterns is a list of patterns for names. An asterisk stands for any run of
// characters, none and dots included; all else stands for itself:
//
//	web.*         web.load and web.page.load
//	*.load        web.load and web.page.load
//	app.checkout  that one name
//
// A nil list matches every name, an empty one none. A list is not changed once
// it is made, and safe for concurrent use.
type Patterns [][]byte

// ParsePatterns returns the list of the given patterns, never nil. It refuses
// what could match no name that is written, and more than 128 patterns.
func ParsePatterns(texts []string) (Patterns, error) {
	if len(texts) > maxPatterns {
		return nil, fmt.Errorf("%d patterns are more than %d", len(texts), maxPatterns)
	}
	p := make(Patterns, 0, len(texts))
	for _, text := range texts {
		if err := checkPattern(text); err != nil {
			return nil, fmt.Errorf("pattern %s %w", quote.Bytes([]byte(text)), err)
		}
		p = append(p, []byte(text))
	}
	return p, nil
}

func checkPattern(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case len(text) > MaxName:
		return fmt.Errorf("is longer than %d bytes", MaxName)
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if isBlank(r) {
			return errors.New("contains a blank, which is an underscore in names")
		}
		i += size
	}
	return checkText(text)
}

// CheckPrefix refuses what no name can begin with: reserved and control
// characters, what is not UTF-8, and what leaves no room for a name.
func CheckPrefix(prefix string) error {
	err := checkText(prefix)
	if err == nil && len(prefix) >= MaxName {
		err = fmt.Errorf("leaves no room for a name within %d bytes", MaxName)
	}
	if err != nil {
		return fmt.Errorf("prefix %s %w", quote.Bytes([]byte(prefix)), err)
	}
	return nil
}

var plainRules = newRules("", nil, false)

// checkText refuses what no name holds in any tag format.
func checkText(text string) error {
	_, err := plainRules.append(nil, []byte(text))
	return err
}

// Match tells whether one of the patterns matches the whole of name, in time
// linear in the length of each.
func (p Patterns) Match(name []byte) bool {
	if p == nil {
		return true
	}
	for _, pattern := range p {
		if match(pattern, name) {
			return true
		}
	}
	return false
}

// match tells whether pattern matches name. Each text between two asterisks is
// looked for once, behind the one before it: where the first place for it does
// not do, no later one does.
func match(pattern, name []byte) bool {
	first := bytes.IndexByte(pattern, '*')
	if first < 0 {
		return bytes.Equal(pattern, name)
	}
	last := bytes.LastIndexByte(pattern, '*')
	begin, end := pattern[:first], pattern[last+1:]
	if len(begin)+len(end) > len(name) || !bytes.HasPrefix(name, begin) || !bytes.HasSuffix(name, end) {
		return false
	}
	name = name[len(begin) : len(name)-len(end)]
	for pattern = pattern[first:last]; len(pattern) > 0; {
		pattern = pattern[1:] // an asterisk
		text := pattern
		if i := bytes.IndexByte(pattern, '*'); i >= 0 {
			text = pattern[:i]
		}
		i := bytes.Index(name, text)
		if i < 0 {
			return false
		}
		name, pattern = name[i+len(text):], pattern[len(text):]
	}
	return true
}

// Kinds is a set of kinds, empty in its zero value.
type Kinds uint8

// AllKinds holds every Kind.
const AllKinds Kinds = 1<<(Distribution+1) - 1

// ParseKinds returns the set of the kinds that requests call by the given
// names.
func ParseKinds(names []string) (Kinds, error) {
	var all Kinds
	for _, name := range names {
		k, ok := ParseKind([]byte(name))
		if !ok {
			return 0, fmt.Errorf("type %s is none of count, gauge, timing, set, histogram and distribution", quote.Bytes([]byte(name)))
		}
		all |= 1 << k
	}
	return all, nil
}

// Has tells whether k is in the set.
func (all Kinds) Has(k Kind) bool { return all>>k&1 == 1 }
