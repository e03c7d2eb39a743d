package metric

import "fmt"

// A tagFormat is where tags stand in a line and what surrounds them.
//
//	name,env=prod,locale=en-us:1|c      InfluxDB
//	    ^   ^    ^
//	 opens joins separates
type tagFormat struct {
	name                   string
	opens, separates       byte
	joins                  byte
	closes                 byte   // 0 for nothing
	atEnd                  bool   // tags end the line, behind one more pipe
	reserved, reservedKeys string // besides what is always reserved
	noTildeFirst           bool   // in a value
	dropped                bool   // tags are checked and left out
}

// tagFormats are the forms that StatsD servers know tags in.
var tagFormats = []tagFormat{
	{name: "influxdb", opens: ',', separates: ',', joins: '='},
	// https://graphite.readthedocs.io/en/latest/tags.html
	{name: "graphite", opens: ';', separates: ';', joins: '=', reservedKeys: "!^", noTildeFirst: true},
	// https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/
	{name: "dogstatsd", opens: '#', separates: ',', joins: ':', atEnd: true},
	{name: "librato", opens: '#', separates: ',', joins: '='},
	{name: "signalfx", opens: '[', separates: ',', joins: '=', closes: ']', reserved: "[]"},
	{name: "none", opens: ',', separates: ',', joins: '=', dropped: true},
}

func findTagFormat(name string) (*tagFormat, error) {
	for i := range tagFormats {
		if tagFormats[i].name == name {
			return &tagFormats[i], nil
		}
	}
	return nil, fmt.Errorf("unknown tag format %q", name)
}

// nameFormat returns which ASCII characters a receiver takes in names, nil for
// all of them.
func nameFormat(name string) (keep func(byte) bool, err error) {
	alphanumeric := func(b byte) bool {
		return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_'
	}
	switch name {
	case "any":
		return nil, nil
	case "graphite":
		return func(b byte) bool { return alphanumeric(b) || b == '.' || b == '-' }, nil
	case "prometheus": // a colon, which it takes too, ends a name in StatsD
		return alphanumeric, nil
	}
	return nil, fmt.Errorf("unknown name format %q", name)
}
