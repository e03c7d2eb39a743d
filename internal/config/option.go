package config

import (
	"fmt"
	"reflect"
	"strings"
)

// option is a row of the table of options.
type option struct {
	name    string
	kind    kind
	preset  string // the default, as it would be given; empty for the zero value
	help    string // sentences; text in double quotes is literal
	choices []choice

	// rejectsEmpty is set for options that protect the proxy: an empty value,
	// such as that of a misspelled shell variable, must not turn them off.
	rejectsEmpty bool

	// acceptsEmptyVariable is set if an empty environment variable is a value.
	// Otherwise it counts as not set.
	acceptsEmptyVariable bool

	// isSecret is set if the value must not be shown.
	isSecret bool

	// onlyFlag is set for options that are ignored in the environment and are
	// errors in the configuration file.
	onlyFlag bool
}

// choice is one of the words that an option accepts.
type choice struct{ word, help string }

// group is a section of the help text.
type group struct {
	title   string
	options []option
}

// flag returns the option as it is given on the command line: --http-port.
func (o *option) flag() string { return "--" + o.name }

// variable returns the name of the option's environment variable.
func (o *option) variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(o.name, "-", "_"))
}

// find returns the option with the given name, or nil.
func find(groups []group, name string) *option {
	for i := range groups {
		for j := range groups[i].options {
			if o := &groups[i].options[j]; o.name == name {
				return o
			}
		}
	}
	return nil
}

// setting is the value of an option, with its source.
type setting struct {
	option   *option
	text     string
	name     string // of the option as its source calls it: --http-port, STATSD_HTTP_PROXY_HTTP_PORT
	position string // file and line, for the configuration file
}

// withSource returns err with the position of the setting in the configuration file, if
// it comes from there.
func (s *setting) withSource(err error) error {
	if s.position != "" {
		return fmt.Errorf("%s: %w", s.position, err)
	}
	return err
}

// binding sets options to fields of a struct that are tagged with their names.
type binding struct {
	fields map[string]reflect.Value
	texts  map[string]string // of options that are no lists, as they were set last

	// settings are those that are in effect. Only lists have several.
	settings map[string][]setting
}

// bind returns the binding for a pointer to a tagged struct. It sets all options to
// their defaults.
func bind(to any, groups []group) binding {
	b := binding{fieldsOf(to), make(map[string]string), make(map[string][]setting)}
	for _, g := range groups {
		for i := range g.options {
			o := &g.options[i]
			if o.preset == "" {
				continue // the zero value
			}
			if err := b.set(&setting{option: o, text: o.preset, name: o.name}); err != nil {
				panic(err) // the table is wrong
			}
		}
	}
	return b
}

// fieldsOf returns the fields of a tagged struct by the names of their options.
func fieldsOf(to any) map[string]reflect.Value {
	fields := make(map[string]reflect.Value)
	v := reflect.ValueOf(to).Elem()
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("option"); name != "" {
			fields[name] = v.Field(i)
		}
	}
	return fields
}

// apply sets the options to the settings of one source. A list gets all of its
// settings in order, instead of those of sources that were applied before.
func (b binding) apply(settings []setting) error {
	replaced := make(map[*option]bool)
	for i := range settings {
		s := &settings[i]
		name := s.option.name
		if s.option.kind.isList && !replaced[s.option] {
			b.fields[name].SetZero()
			b.settings[name] = nil
			replaced[s.option] = true
		}
		if err := b.set(s); err != nil {
			return s.withSource(err)
		}
		if s.option.kind.isList {
			b.settings[name] = append(b.settings[name], *s)
		} else {
			b.settings[name] = []setting{*s}
		}
	}
	return nil
}

// set checks and sets one option. If the option is a list, set adds the new elements to
// the list.
func (b binding) set(s *setting) error {
	o := s.option
	if o.rejectsEmpty && strings.TrimSpace(s.text) == "" {
		return fmt.Errorf("%s is empty: give a value, or leave the option out", s.name)
	}
	value, err := o.kind.parse(s.text)
	if err != nil {
		return fmt.Errorf("invalid %s %q: %w", s.name, s.text, err)
	}
	field, parsed := b.fields[o.name], reflect.ValueOf(value)
	if o.kind.isList {
		parsed = reflect.AppendSlice(field, parsed)
	}
	field.Set(parsed)
	b.texts[o.name] = s.text
	return nil
}
