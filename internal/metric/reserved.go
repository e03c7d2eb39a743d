package metric

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"

	"statsd-http-proxy/internal/quote"
)

// checkReservedName rejects a final name, with its prefixes and without tags,
// that would crash the server or that the server would lose. The caller need not
// call it if mayBeReserved returns false.
func (e *Encoder) checkReservedName(kind Kind, name []byte) error {
	// Most names have a dot, and no property of an object has one.
	if bytes.IndexByte(name, '.') < 0 && isObjectProperty(name) {
		return quote.Error("name %s is reserved: it is a property of every JavaScript object, and would crash Etsy StatsD", name)
	}
	switch e.flavor {
	case FlavorTelegraf:
		// Telegraf can sanitize names as Etsy StatsD does.
		if hasSegment(appendSanitized(make([]byte, 0, MaxName), name), "start_time") {
			return quote.Error("name %s is reserved: Telegraf has a field start_time of its own (--statsd-flavor=telegraf)", name)
		}
	case FlavorStatsDExporter:
		return checkExporterName(kind, name)
	case FlavorGostatsd:
		if name[0] == '_' || !hasLetter(name) {
			return quote.Error("name %s is lost in gostatsd: it needs an ASCII letter and must not start with an underscore (--statsd-flavor=gostatsd)", name)
		}
	}
	return nil
}

// mayBeReserved reports whether checkReservedName may return an error.
func (e *Encoder) mayBeReserved(name []byte) bool {
	return e.nameEdges[name[0]]&(e.nameEdges[name[len(name)-1]]>>1)&startsReserved != 0
}

// The bits of Encoder.nameEdges.
const (
	startsReserved = 1 << iota // a name that starts with the byte may be reserved
	endsReserved               // a name that ends with the byte may be reserved
)

// setNameEdges derives e.nameEdges from the flavor and the prefix.
func (e *Encoder) setNameEdges() {
	hasNames := e.flavor == FlavorTelegraf || e.flavor == FlavorStatsDExporter || e.flavor == FlavorGostatsd
	if !hasNames && slices.ContainsFunc(e.prefix, func(b byte) bool { return !canBeInProperty(b) }) {
		return // no name with the prefix is a property
	}
	for i := range e.nameEdges {
		b := byte(i)
		if hasNames || canBeInProperty(b) && !isWordChar(b) { // StatsD drops b
			e.nameEdges[b] = startsReserved | endsReserved
		}
	}
	for _, property := range objectProperties {
		e.nameEdges[property[0]] |= startsReserved
		e.nameEdges[property[len(property)-1]] |= endsReserved
	}
}

// isObjectProperty reports whether name, after the sanitizing of Etsy StatsD, is a
// property of JavaScript's Object.prototype. StatsD stores its metrics in plain
// objects and would find the property in the place of a metric.
//
// The tags that some formats put after the name do not matter: they contain an
// equals sign or a semicolon, which StatsD keeps and no property has.
//
// https://github.com/statsd/statsd/blob/v0.9.0/stats.js: sanitizeKeyName
func isObjectProperty(name []byte) bool {
	var sanitized [len("propertyIsEnumerable")]byte
	n := 0
	for _, b := range name {
		switch {
		case 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b == '_':
			if n == len(sanitized) {
				return false
			}
			sanitized[n] = b
			n++
		case !canBeInProperty(b):
			return false // StatsD keeps it, or writes a hyphen for a slash
		}
	}
	return slices.Contains(objectProperties[:], string(sanitized[:n]))
}

// objectProperties are the properties of JavaScript's Object.prototype.
var objectProperties = [...]string{
	"constructor", "__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
	"hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf",
}

// hasSegment reports whether one of the parts of name between dots is segment.
func hasSegment(name []byte, segment string) bool {
	for more := true; more; {
		var part []byte
		part, name, more = bytes.Cut(name, []byte{'.'})
		if string(part) == segment {
			return true
		}
	}
	return false
}

func hasLetter(name []byte) bool {
	for _, b := range name {
		if 'a' <= b|0x20 && b|0x20 <= 'z' {
			return true
		}
	}
	return false
}

// checkExporterName rejects names of statsd_exporter's own metrics, and timings
// whose names collide with the parts of another summary. In both cases its
// /metrics would fail for every metric.
func checkExporterName(kind Kind, name []byte) error {
	escaped := appendEscaped(make([]byte, 0, MaxName+1), name)
	for _, own := range [...]string{"go_", "process_", "promhttp_", "statsd_exporter_"} {
		if bytes.HasPrefix(escaped, []byte(own)) {
			return fmt.Errorf("name %s is reserved: metrics of statsd_exporter itself start with %s (--statsd-flavor=statsd-exporter)", quote.Bytes(name), own)
		}
	}
	if kind != Timing && kind != Histogram && kind != Distribution {
		return nil
	}
	for _, part := range [...]string{"_count", "_sum", "_bucket"} {
		if bytes.HasSuffix(escaped, []byte(part)) {
			return fmt.Errorf("name %s is reserved: a timing must not end in %s in statsd_exporter (--statsd-flavor=statsd-exporter)", quote.Bytes(name), part)
		}
	}
	return nil
}

// appendEscaped appends name as statsd_exporter escapes it: an underscore replaces
// each rune but ASCII letters, digits and underscores. It drops the hyphens after
// a hyphen and puts an underscore before a leading digit.
//
// https://github.com/prometheus/statsd_exporter/blob/v0.31.0/pkg/mapper/escape.go
func appendEscaped(dst, name []byte) []byte {
	if len(name) > 0 && name[0]-'0' <= 9 {
		dst = append(dst, '_')
	}
	for i, size := 0, 0; i < len(name); i += size {
		size = 1
		switch b := name[i]; {
		case isWordChar(b):
			dst = append(dst, b)
		case b == '-' && i > 0 && name[i-1] == '-':
		default:
			_, size = utf8.DecodeRune(name[i:])
			dst = append(dst, '_')
		}
	}
	return dst
}

// canBeInProperty reports whether the byte b can be in a name that isObjectProperty
// takes for a property: it is a part of the property, or StatsD drops it.
func canBeInProperty(b byte) bool {
	return !('0' <= b && b <= '9' || b == '.' || b == '-' || b == '/')
}

// listReservedKeys returns the keys that the server reserves, besides those that start
// with two underscores. ofClients selects the keys that clients must not write; the
// operator may configure the tag host.
func (e *Encoder) listReservedKeys(ofClients bool) []string {
	keys := []string{"gsd_histogram"}
	if !e.traits.takesQuantile {
		keys = append(keys, "quantile", "le")
	}
	if ofClients && e.traits.reservesHost && !slices.ContainsFunc(e.allowTags, func(p []byte) bool { return string(p) == "host" }) {
		keys = append(keys, "host")
	}
	return keys
}

// startsWithUnderscores reports whether key starts with two underscores after
// Prometheus' escaping, which replaces each rune but ASCII letters, digits and
// underscores by an underscore. Prometheus reserves such labels, and client_golang
// fails for every metric if one has such a label.
func startsWithUnderscores(key []byte) bool {
	_, first := utf8.DecodeRune(key)
	return !isAlphanumeric(key[0]) && first < len(key) && !isAlphanumeric(key[first])
}

// needsKeyCheck reports whether checkKey may return an error for a written key, without a
// scope. It looks only at the first byte and the length of the key, so it also returns
// true for some valid keys.
func (e *Encoder) needsKeyCheck(key []byte) bool {
	return e.allowTags != nil || !isAlphanumeric(key[0]) || e.keyLengths>>len(key)&1 != 0
}

// setKeyLengths derives e.keyLengths from the reserved keys.
func (e *Encoder) setKeyLengths() {
	for _, key := range e.reservedKeys {
		e.keyLengths |= 1 << len(key)
	}
}

// checkKey checks whether the client may write a tag with the given written key.
func (e *Encoder) checkKey(key []byte, scope *Scope) error {
	switch {
	case startsWithUnderscores(key) || slices.Contains(e.reservedKeys, string(key)):
		return errReservedKey(key)
	case !e.allowTags.Match(key):
		return &ForbiddenError{quote.Error(`parameter "tags": the key %s is not allowed here`, key)}
	case scope != nil && !scope.Tags.Match(key):
		return &ForbiddenError{quote.Error(`parameter "tags": the token does not allow the key %s`, key)}
	}
	return nil
}

// errReservedKey returns the error for a reserved key.
func errReservedKey(key []byte) error {
	reason := "Prometheus reserves keys that start with two underscores"
	switch string(key) {
	case "host":
		reason = "it would replace the server's own; --allow-tags can allow it"
	case "quantile", "le":
		reason = "it would crash statsd_exporter; --statsd-flavor can name another server"
	case "gsd_histogram":
		reason = "it controls gostatsd"
	}
	return quote.Error(`parameter "tags": the key %s is reserved: `+reason, key)
}
