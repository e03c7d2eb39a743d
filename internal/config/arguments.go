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
			return nil, unexpected(args, i, groups)
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
		case args[i+1] == "=":
			return nil, fmt.Errorf("%s has blanks around its equals sign: want %s=%s", o.flag(), o.flag(), o.kind.name)
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

// unexpected returns the error for args[i], which is no flag, with a hint at frequent
// mistakes. What follows an equals sign may be a secret.
func unexpected(args []string, i int, groups []group) error {
	arg, hint := flagName(args[i]), ""
	if i > 0 {
		before, _, hasText, _ := cutFlag(args[i-1])
		if o := find(groups, before); o != nil && o.kind.isSwitch && !hasText {
			hint = fmt.Sprintf(" (the value of %s needs an equals sign: %s=%s)", o.flag(), o.flag(), arg)
		}
	}
	switch o := find(groups, strings.TrimLeft(arg, "-")); {
	case o != nil:
		hint = fmt.Sprintf(" (did you mean %s?)", o.flag())
	case strings.HasPrefix(arg, "–"), strings.HasPrefix(arg, "—"):
		hint = " (its dash is not that of the keyboard: options start with --)"
	}
	return fmt.Errorf("unexpected argument %q%s; see --help", arg, hint)
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
