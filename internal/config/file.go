package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// readFile reads a configuration file. Each line holds an option:
//
//	# a comment
//	http-port 8825
//	metric-prefix = web
//	jwt-secret "with # and \" in it"
//	verbose
//
// The name may have dashes before it. Options that are on or off need no value.
// A value that contains a number sign or a quote must stand in double quotes, in
// which \" and \\ stand for a quote and a backslash. So a comment after a value
// is an error rather than part of it. A byte order mark is skipped.
func readFile(name string, groups []group) ([]setting, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	if isUTF16(data) {
		return nil, fmt.Errorf("%s is text in UTF-16: save it as UTF-8", name)
	}
	var settings []setting
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	n := 1
	for ; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		where := fmt.Sprintf("%s:%d", name, n)
		s, err := parseLine(line, groups)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		s.position = where
		settings = append(settings, s)
	}
	if lines.Err() != nil {
		return nil, fmt.Errorf("%s:%d: the line is longer than %d bytes", name, n, bufio.MaxScanTokenSize)
	}
	return settings, nil
}

// isUTF16 reports whether data begins with the byte order mark of UTF-16, in which
// some editors and shells of Windows write files.
func isUTF16(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff"))
}

// isOptionName matches what may be shown as the name of an unknown option. The
// file may be one of secrets, given by mistake.
var isOptionName = regexp.MustCompile(`^[a-z]+(-[a-z]+){0,4}$`)

// parseLine parses a line of a configuration file. Its error contains no value,
// which may be a secret.
func parseLine(line string, groups []group) (setting, error) {
	name, text := line, ""
	end := strings.IndexAny(line, " \t=")
	if end >= 0 {
		name, text = line[:end], strings.TrimSpace(line[end:])
		text = strings.TrimSpace(strings.TrimPrefix(text, "="))
	}
	name = strings.TrimLeft(name, "-")
	o := find(groups, name)
	meant := find(groups, optionName(strings.TrimPrefix(strings.Trim(name, `:"'`), variablePrefix)))
	switch {
	case o == nil && meant != nil:
		return setting{}, fmt.Errorf("the line does not start with the name of an option (did you mean %s? write it as in: http-port 8825)", meant.name)
	case o == nil && !isOptionName.MatchString(name):
		return setting{}, errors.New("the line does not start with the name of an option")
	case o == nil:
		return setting{}, fmt.Errorf("unknown option %q%s", name, suggest(name, groups, func(o *option) string { return o.name }))
	case o.onlyFlag:
		return setting{}, fmt.Errorf("%s can only be given on the command line", name)
	case name == "config":
		return setting{}, errors.New("a configuration file cannot name another one")
	case end < 0 && !o.kind.isSwitch:
		return setting{}, fmt.Errorf("%s has no value", name)
	case end < 0:
		text = "true"
	}
	text, err := unquote(text)
	if err != nil {
		return setting{}, fmt.Errorf("invalid value of %s: %w", name, err)
	}
	return setting{option: o, text: text, name: name}, nil
}

// unquote returns a value without its double quotes, if it has any.
func unquote(text string) (string, error) {
	if !strings.HasPrefix(text, `"`) {
		if strings.ContainsAny(text, `#"'`) {
			return "", errors.New(`a value with #, ' or " must stand in double quotes, and a comment on a line of its own`)
		}
		return text, nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			if i+1 < len(text) {
				return "", errors.New("there is text after the closing quote")
			}
			return b.String(), nil
		case '\\':
			i++
			if i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", errors.New(`in double quotes, write \\ for a backslash`)
			}
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("the closing quote is missing")
}
