package config

import (
	"errors"
	"os"
	"reflect"
)

// ErrHelp is returned if --help or -h is given.
var ErrHelp = errors.New("help requested")

// Parse reads the options from the arguments of the command line (without the
// program's name), from the environment and from the file that --config names.
// It checks all values, including those that another source overrides. Its
// error is one line that names the option, and contains no secret.
//
// With --version, Parse reads the arguments only.
func Parse(args []string) (*Config, error) {
	c, _, err := parse(args)
	return c, err
}

// parse is Parse. It also returns the settings that are in effect.
func parse(args []string) (*Config, binding, error) {
	flags, err := parseArguments(args, options)
	if err != nil {
		return nil, binding{}, err
	}
	c := new(Config)
	b := bind(c, options)
	if err := b.apply(flags); err != nil {
		return nil, binding{}, err
	}
	if err := checkOneFile(flags); err != nil {
		return nil, binding{}, err
	}
	switch {
	case c.Help:
		return nil, binding{}, ErrHelp
	case c.Version:
		return c, b, nil
	}
	variables, warnings := readEnvironment(os.Environ(), options)
	file, ok := last(flags, "config")
	if !ok {
		file, _ = last(variables, "config")
	}
	var lines []setting
	if file != "" {
		if lines, err = readFile(file, options); err != nil {
			return nil, binding{}, err
		}
	}
	c = &Config{Warnings: warnings}
	b = bind(c, options)
	given := make(map[string]bool)
	for _, source := range [][]setting{lines, variables, flags} {
		if err := b.apply(source); err != nil {
			return nil, binding{}, err
		}
		for _, s := range source {
			given[s.option.name] = true
		}
	}
	if err := c.check(given); err != nil {
		return nil, binding{}, err
	}
	return c, b, nil
}

// Changes parses args again and returns the options, as flags, whose values differ
// from c. Since flags and environment stay the same while the program runs, the
// configuration file has changed.
func Changes(c *Config, args []string) ([]string, error) {
	current, err := Parse(args)
	if err != nil {
		return nil, err
	}
	before, after := fieldsOf(c), fieldsOf(current)
	var changed []string
	for _, g := range options {
		for _, o := range g.options {
			if !reflect.DeepEqual(before[o.name].Interface(), after[o.name].Interface()) {
				changed = append(changed, o.flag())
			}
		}
	}
	return changed, nil
}

// checkOneFile returns an error if flags name several configuration files: only one
// would be read, and the others may contain the options that protect the proxy.
func checkOneFile(flags []setting) error {
	count := 0
	for _, s := range flags {
		if s.option.name == "config" {
			count++
		}
	}
	if count > 1 {
		return errors.New("--config is given twice: put the options into one file")
	}
	return nil
}

// last returns the last value of an option in settings, and whether there is one.
func last(settings []setting, name string) (value string, ok bool) {
	for _, s := range settings {
		if s.option.name == name {
			value, ok = s.text, true
		}
	}
	return value, ok
}
