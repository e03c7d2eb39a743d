package ingest

import (
	"bytes"
	"time"

	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// tagKeysRetry is the time in Retry-After for a tag key too many. Keys are not
// forgotten, so it is long: only a restart of the proxy makes room.
const tagKeysRetry = time.Hour

// tagKeysError rejects an entry because there is no room for one of its tag keys.
type tagKeysError struct{ key string } // quoted

func (e *tagKeysError) Error() string {
	return "parameter \"tags\": the key " + e.key + " would be one tag key too many; --max-tag-keys limits them"
}

// confirmedTags are the written tags of a metric whose keys are confirmed. Metrics that
// follow often have the same tags.
type confirmedTags struct {
	text   []byte
	limit  *limit.TagKeys // that has confirmed the keys
	memory [maxKeptTags]byte
}

const maxKeptTags = 256

// keep keeps tags, unless they are long.
func (c *confirmedTags) keep(tags []byte, limit *limit.TagKeys) {
	if len(tags) <= len(c.memory) {
		c.text, c.limit = c.memory[:copy(c.memory[:], tags)], limit
	}
}

// reserveTagKeys reserves the tag keys of the current entry, or returns why the entry is
// rejected. It notes keys that are not confirmed yet in s.newKeys.
func (h *Handler) reserveTagKeys(s *scratch, written *metric.Written) error {
	t, keys := h.options.TagKeys, h.options.Encoder.TagKeys(written)
	tags := keys.Rest()
	if len(tags) == 0 || s.tags.limit == t && bytes.Equal(s.tags.text, tags) {
		return nil
	}
	reserved := len(s.newKeys)
	for key, ok := keys.Next(); ok; key, ok = keys.Next() {
		hash := limit.HashTagKey(key)
		if t.IsConfirmed(hash) {
			continue
		}
		isReserved, isNew := t.Reserve(hash)
		if !isReserved {
			h.releaseTagKeys(s, reserved)
			return &tagKeysError{quote.Bytes(key)}
		}
		if isNew {
			s.newKeys = append(s.newKeys, hash)
		}
	}
	if len(s.newKeys) == reserved {
		s.tags.keep(tags, t)
	}
	return nil
}

// confirmTagKeys records that metrics with the reserved keys were sent.
func (h *Handler) confirmTagKeys(s *scratch) {
	if len(s.newKeys) > 0 {
		h.options.TagKeys.Confirm(s.newKeys)
	}
}

// releaseTagKeys gives back the keys of s.newKeys from the given one on.
func (h *Handler) releaseTagKeys(s *scratch, from int) {
	if len(s.newKeys) == from {
		return
	}
	h.options.TagKeys.Release(s.newKeys[from:])
	s.newKeys = s.newKeys[:from]
}
