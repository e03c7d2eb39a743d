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

// TestReserveRaisesTheReservation follows one body.
func TestReserveRaisesTheReservation(t *testing.T) {
	const max = minBudget // 32 MiB
	budget := NewBodyBudget(1)
	var b BodyBuffer
	f := func(n int, want bool, reserved int) {
		t.Helper()
		if herr := b.Reserve(budget, n); (herr == nil) != want || b.Reserved() != reserved || budget.Used() != int64(reserved) {
			t.Errorf("Reserve(%d): %v; %d bytes are reserved, %d used, want %d", n, herr, b.Reserved(), budget.Used(), reserved)
		}
	}
	f(100, true, 100)
	f(100, true, 100)
	f(max, true, max)
	f(max+1, false, max)
	data := b.Grow(nil, 10)
	if data = b.Grow(append(data, make([]byte, cap(data))...), cap(data)+1); cap(data) < max {
		t.Errorf("Grow allocates %d bytes, want the %d reserved", cap(data), max)
	}
	if &data[0] != &b.Grow(data, cap(data))[0] {
		t.Error("Grow moved the body without need")
	}
	if b.Release(budget); b.Reserved() != 0 || budget.Used() != 0 {
		t.Errorf("%d bytes are reserved after Release, %d used", b.Reserved(), budget.Used())
	}
	for range 10 { // large memory is not kept for other bodies
		var next BodyBuffer
		if n := cap(next.Grow(nil, 0)); n > 256<<10 {
			t.Fatalf("a body gets %d bytes", n)
		}
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
