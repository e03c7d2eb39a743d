package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Locate returns an error that begins with the flag of an option, as in "--tags: ...",
// with the place that sets this option in its stead: a variable, or a file and line.
// Of the lines of a list, it is the one with a value that the error quotes. args are
// those of Parse.
func Locate(args []string, err error) error {
	name, message, ok := strings.Cut(strings.TrimPrefix(err.Error(), "--"), ": ")
	if !ok {
		return err
	}
	_, b, parseErr := parse(args)
	settings := b.settings[name]
	if parseErr != nil || len(settings) == 0 {
		return err
	}
	s := settings[0]
	for _, other := range settings[1:] {
		if !s.isQuotedIn(message) && other.isQuotedIn(message) {
			s = other
		}
	}
	return s.withSource(fmt.Errorf("%s: %s", s.name, message))
}

// isQuotedIn reports whether a message quotes one of the values of a list.
func (s *setting) isQuotedIn(message string) bool {
	for value := range strings.SplitSeq(s.text, ",") {
		if strings.Contains(message, strconv.Quote(strings.TrimSpace(value))) {
			return true
		}
	}
	return false
}
