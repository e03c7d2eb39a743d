package ingest

import (
	"strings"
	"testing"

	"statsd-http-proxy/internal/limit"
)

// TestScratchKeepsSmallBuffers checks the limits of the memory that is kept for other
// requests.
func TestScratchKeepsSmallBuffers(t *testing.T) {
	f := func(want bool, change func(s *scratch)) {
		t.Helper()
		s := new(scratch)
		s.entries = 7
		change(s)
		if s.release(); (s.entries == 0) != want { // only scratch that is kept is emptied
			t.Errorf("%d and %d bytes, %d and %d hashes are kept: %v", cap(s.body), cap(s.lines.Bytes), cap(s.newSeries), cap(s.newKeys), s.entries == 0)
		}
	}
	f(true, func(*scratch) {})
	f(true, func(s *scratch) { s.body, s.lines.Bytes = make([]byte, 256<<10), make([]byte, 256<<10) })
	f(false, func(s *scratch) { s.body = make([]byte, 256<<10+1) })
	f(false, func(s *scratch) { s.lines.Bytes = make([]byte, 256<<10+1) })
	f(true, func(s *scratch) { s.newSeries, s.newKeys = make([]uint64, 16<<10), make([]uint64, 16<<10) })
	f(false, func(s *scratch) { s.newSeries, s.newKeys = make([]uint64, 16<<10), make([]uint64, 16<<10+1) })

	limit := limit.NewTagKeys(1)
	var tags confirmedTags
	tags.keep([]byte(strings.Repeat("a", 256)), limit)
	tags.keep([]byte(strings.Repeat("b", 257)), nil)
	if string(tags.text) != strings.Repeat("a", 256) || tags.limit != limit {
		t.Errorf("kept %q", tags.text)
	}
}

// TestScratchesCountInDifferentShards checks that requests on different processors do not
// write to the same counters.
func TestScratchesCountInDifferentShards(t *testing.T) {
	shards := make(map[uint32]bool)
	for range statsShards {
		shards[scratches.New().(*scratch).shard%statsShards] = true
	}
	if len(shards) != statsShards {
		t.Errorf("%d scratches use %d shards", statsShards, len(shards))
	}
}
