package metric

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"statsd-http-proxy/internal/quote"
)

// maxPatterns is the maximum number of patterns in a list. Match tries one after
// another, so this bounds the cost of a name.
const maxPatterns = 128

// Patterns is a list of patterns for names. An asterisk matches any number of any
// characters, also dots and also none. Other characters match themselves, except
// those that are special in globs and regular expressions, ?[]{}\^$, which are
// errors: a name with such a character is matched by an asterisk.
//
//	web.*         web.load and web.page.load
//	*.load        web.load and web.page.load
//	app.checkout  that one name
//
// A nil list matches every name, an empty list matches none. A list is immutable
// and safe for concurrent use.
type Patterns [][]byte

// ParsePatterns returns a list of the given patterns, never nil. It returns an
// error for more than 128 patterns, and for a pattern that can match no name.
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

// unsupportedInPatterns are characters with a meaning in globs and regular
// expressions. They are rarer in names than patterns written by mistake, which
// would match nothing.
const unsupportedInPatterns = `?[]{}\^$`

func checkPattern(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case len(text) > MaxName:
		return fmt.Errorf("is longer than %d bytes", MaxName)
	}
	if i := strings.IndexAny(text, unsupportedInPatterns); i >= 0 {
		return fmt.Errorf("contains %q, which patterns do not support: only * is special", text[i])
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

// CheckPrefix checks the prefix of a token. It returns an error for reserved and
// control characters, invalid UTF-8, and a prefix of MaxName bytes or more.
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

// commonRules are the rules that hold in every tag format.
var commonRules = newRules("", nil, false)

// checkText checks text by commonRules.
func checkText(text string) error {
	_, err := commonRules.append(nil, []byte(text))
	return err
}

// Match reports whether one of the patterns matches the whole name.
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

// match reports whether pattern matches name. It searches once for each text
// between two asterisks, after the place of the text before. The first place is
// enough: a later one would leave less room for the rest. So the time is bounded
// by the number of asterisks times the length of name.
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
