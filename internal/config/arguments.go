package config

import (
	"fmt"
	"strings"
)

// parseArguments reads flags such as --http-port=80, --http-port 80 and
// --verbose. One dash is as good as two.
func parseArguments(args []string, groups []group) ([]setting, error) {
	var settings []setting
	for i := 0; i < len(args); i++ {
		name, text, hasText, ok := cutFlag(args[i])
		if !ok {
			var before *option
			if len(settings) > 0 {
				before = settings[len(settings)-1].option
			}
			return nil, strayError(args[i], before, groups)
		}
		o := find(groups, name)
		switch {
		case o == nil && name == "h":
			o = find(groups, "help")
		case o == nil:
			return nil, fmt.Errorf("unknown option --%s%s; see --help", name, suggest(name, groups, (*option).flag))
		}
		switch {
		case hasText:
		case o.kind.isSwitch:
			text = "true"
		case i+1 == len(args):
			return nil, fmt.Errorf("%s has no value", o.flag())
		case isFlag(args[i+1], groups):
			return nil, fmt.Errorf("%s has no value: it is followed by %s; a value that starts with -- needs an equals sign (%s=--...)", o.flag(), flagName(args[i+1]), o.flag())
		default:
			i++
			text = args[i]
		}
		settings = append(settings, setting{option: o, text: text, name: o.flag()})
	}
	return settings, nil
}

// dashes are the characters that editors and web pages put in place of hyphens.
const dashes = "\u2010\u2011\u2012\u2013\u2014\u2212"

// strayError returns the error about an argument that is no option. before is the
// option that precedes it, or nil. The error does not contain text after an equals
// sign that may be a secret.
func strayError(arg string, before *option, groups []group) error {
	name, _, hasText := strings.Cut(arg, "=")
	bare := strings.TrimLeft(name, "-"+dashes)
	o := find(groups, bare)
	switch _, err := onOff().parse(arg); {
	case o != nil && (o.isSecret || o.kind.name == urlName):
		return fmt.Errorf("unexpected argument %q: write %s with two hyphens", name, o.flag())
	case o != nil:
		return fmt.Errorf("unexpected argument %q: write %s with two hyphens", arg, o.flag())
	case before != nil && before.kind.isSwitch && err == nil:
		return fmt.Errorf("unexpected argument %q: write %s=%s", arg, before.flag(), arg)
	case hasText:
		return fmt.Errorf("unexpected argument %q; see --help", name)
	}
	return fmt.Errorf("unexpected argument %q; see --help", arg)
}

// cutFlag splits --name=text. The text is optional.
func cutFlag(arg string) (name, text string, hasText, ok bool) {
	name, ok = strings.CutPrefix(arg, "--")
	if !ok {
		name, ok = strings.CutPrefix(arg, "-")
	}
	name, text, hasText = strings.Cut(name, "=")
	return name, text, hasText, ok && name != "" && name[0] != '-'
}

// isFlag reports whether an argument must be a flag rather than the value of the
// flag before it: it starts with two dashes, or with one and an option's name.
func isFlag(arg string, groups []group) bool {
	name, _, _, ok := cutFlag(arg)
	return strings.HasPrefix(arg, "--") || ok && find(groups, name) != nil
}

// flagName returns a flag without its value, which may be a secret.
func flagName(arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	return name
}
