package exchange

import "testing"

func TestBodyBudgetBoundsAllBodies(t *testing.T) {
	budget := NewBodyBudget(1 << 20)
	var buffers [minBudget >> 20]BodyBuffer
	for i := range buffers {
		b := &buffers[i]
		data := b.Grow(nil, 10)
		if cap(data) < 10 || len(data) > 0 {
			t.Fatalf("Grow returns %d of %d bytes", len(data), cap(data))
		}
		data = append(data, "0123456789"...)
		for _, n := range []int{1 << 10, 1 << 20} {
			if herr := b.Reserve(budget, n); herr != nil {
				t.Fatalf("body %d: %s", i, herr.Message)
			}
			if data = b.Grow(data, n); cap(data) < n || string(data) != "0123456789" {
				t.Fatalf("Grow returns %q with room for %d bytes, want %d", data, cap(data), n)
			}
		}
	}
	var beyond BodyBuffer
	if herr := beyond.Reserve(budget, 1); herr == nil || herr.Status != 503 || herr.Value != "1" {
		t.Errorf("a body beyond the budget: %v, want 503", herr)
	}
	for i := range buffers {
		buffers[i].Release(budget)
		buffers[i].Release(budget) // releases nothing more
	}
	if used := budget.Used(); used != 0 {
		t.Errorf("%d bytes are reserved without a body", used)
	}
}

func TestBodyBudgetHasRoomForTwoBodies(t *testing.T) {
	const maxBody = minBudget
	budget := NewBodyBudget(maxBody)
	for i, b := range []*BodyBuffer{{}, {}, {}} {
		if herr := b.Reserve(budget, maxBody); (herr != nil) != (i == 2) {
			t.Errorf("body %d: %v", i, herr)
		}
	}
}
