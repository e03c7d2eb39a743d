package decode

import (
	"fmt"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// Tags splits the value of a command line option, such as
// env=prod,locale=en-us. The tags are parts of text.
func Tags(text []byte) ([]metric.Tag, error) {
	var m metric.Metric
	err := splitTags(&m, text, ',', '=')
	return m.Tags, err
}

// splitTags appends the tags in text, such as env=prod,locale=en-us, to m.Tags.
// It drops the blanks around keys and values. If joiner is a colon, text is in the
// format of DogStatsD, where a tag may have no value.
func splitTags(m *metric.Metric, text []byte, separator, joiner byte) error {
	text = metric.TrimBlanks(text)
	if len(text) == 0 {
		return nil
	}
	for more := true; more; {
		var tag []byte
		tag, text, more = cut(text, separator)
		key, value, isPair := cut(tag, joiner)
		key, value = metric.TrimBlanks(key), metric.TrimBlanks(value)
		decoded := metric.Tag{Key: key, Value: value}
		if !isPair {
			if joiner != ':' || len(key) == 0 {
				return quote.Error(`parameter "tags": %s is not a key`+string(rune(joiner))+`value pair`, tag)
			}
			decoded = metric.BareTag(key)
		}
		if err := addTag(m, decoded); err != nil {
			return err
		}
	}
	return nil
}

// addTag appends a tag to m.Tags.
func addTag(m *metric.Metric, tag metric.Tag) error {
	if len(m.Tags) == metric.MaxTags {
		return fmt.Errorf(`parameter "tags": there are more than %d`, metric.MaxTags)
	}
	m.Tags = append(m.Tags, tag)
	return nil
}

// cut is bytes.Cut for a single byte. It is faster than bytes.Cut for short
// texts.
func cut(text []byte, at byte) (before, after []byte, found bool) {
	for i, b := range text {
		if b == at {
			return text[:i], text[i+1:], true
		}
	}
	return text, nil, false
}
