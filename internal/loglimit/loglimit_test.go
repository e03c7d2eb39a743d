package loglimit

import (
	"log/slog"
	"math"
	"strings"
	"testing"
)

func TestLimiterCountsWhatItLeavesOut(t *testing.T) {
	const burst = 50
	var log strings.Builder
	l := New(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), "events", 0, burst)
	allowed := 0
	for range 1000 {
		if l.Allow() {
			allowed++
		}
	}
	if allowed != burst || log.Len() > 0 {
		t.Errorf("%d lines were allowed, want %d; the log: %s", allowed, burst, &log)
	}
	l.SetRate(math.MaxFloat64)
	if !l.Allow() || !strings.Contains(log.String(), `msg="events left out of the log" count=950`) {
		t.Errorf("the log does not report 950 lines: %s", &log)
	}
	l.Flush()
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the log reports them twice: %s", &log)
	}
}
