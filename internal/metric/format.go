package metric

import "fmt"

// tagFormat is how tags stand in a line.
//
//	name,env=prod,locale=en-us:1|c      InfluxDB
//	    ^   ^    ^
//	opener joiner separator
type tagFormat struct {
	name                   string
	opener, separator      byte
	joiner                 byte
	closer                 byte   // 0 for none
	atEnd                  bool   // a pipe and the tags end the line
	hasBare                bool   // a tag may have no joiner and value
	reserved, reservedKeys string // characters that tags or keys must not contain, besides reservedChars
	noLeadingTilde         bool   // a value must not start with a tilde
	isDropped              bool   // tags are checked but not written
}

// tagFormats are the tag formats of StatsD servers.
var tagFormats = []tagFormat{
	{name: "influxdb", opener: ',', separator: ',', joiner: '='},
	// https://graphite.readthedocs.io/en/latest/tags.html
	{name: "graphite", opener: ';', separator: ';', joiner: '=', reservedKeys: "!^", noLeadingTilde: true},
	// https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/
	{name: "dogstatsd", opener: '#', separator: ',', joiner: ':', atEnd: true, hasBare: true},
	{name: "librato", opener: '#', separator: ',', joiner: '='},
	{name: "signalfx", opener: '[', separator: ',', joiner: '=', closer: ']', reserved: "[]"},
	{name: "none", opener: ',', separator: ',', joiner: '=', isDropped: true},
}

func findTagFormat(name string) (*tagFormat, error) {
	for i := range tagFormats {
		if tagFormats[i].name == name {
			return &tagFormats[i], nil
		}
	}
	return nil, fmt.Errorf("unknown tag format %q", name)
}

// nameFormat returns a function that reports whether names may contain an ASCII
// character. It returns nil if they may contain all of them.
func nameFormat(name string) (isKept func(byte) bool, err error) {
	switch name {
	case "any":
		return nil, nil
	case "graphite":
		return func(b byte) bool { return isWordChar(b) || b == '.' || b == '-' }, nil
	case "prometheus": // Prometheus also takes a colon, but in StatsD it ends the name
		return isWordChar, nil
	}
	return nil, fmt.Errorf("unknown name format %q", name)
}

// isWordChar reports whether b is an ASCII letter, a digit or an underscore.
func isWordChar(b byte) bool { return isAlphanumeric(b) || b == '_' }

// isAlphanumeric reports whether b is an ASCII letter or a digit.
func isAlphanumeric(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}
