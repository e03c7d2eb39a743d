package config

import (
	"fmt"
	"io"
	"net/url"
	"strings"
)

// Effective holds the options that are in effect, as they were given.
type Effective struct{ binding binding }

// ParseEffective is like Parse and also returns the options that are in effect. It reads
// the configuration file once, which may be a pipe.
func ParseEffective(args []string) (*Config, Effective, error) {
	c, b, err := parse(args)
	return c, Effective{b}, err
}

// Write writes the options in the form of a configuration file. It writes secrets as
// "set".
func (e Effective) Write(w io.Writer) error {
	var b strings.Builder
	for _, g := range options {
		for i := range g.options {
			o := &g.options[i]
			if text := e.binding.text(o); text != "" && !o.onlyFlag {
				fmt.Fprintf(&b, "%s %s\n", o.name, quoteValue(text))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text returns the value of an option, or "" if it has none.
func (b binding) text(o *option) string {
	text := b.texts[o.name]
	if list, ok := b.fields[o.name].Interface().([]string); ok {
		text = strings.Join(list, ",")
	}
	switch {
	case text == "":
	case o.isSecret:
		return "set"
	case o.kind.name == urlName:
		if u, err := url.Parse(text); err == nil {
			return u.Redacted()
		}
	case o.kind.isSwitch && !b.fields[o.name].Bool():
		return ""
	}
	return text
}

// quoteValue returns a value as unquote reads it.
func quoteValue(text string) string {
	if !strings.ContainsAny(text, `#"'`) && strings.TrimSpace(text) == text {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
