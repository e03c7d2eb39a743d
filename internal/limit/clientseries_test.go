package limit

import (
	"testing"
	"time"
)

func TestClientSeries(t *testing.T) {
	s := NewClientSeries()
	checkTotal := func() {
		t.Helper()
		known := 0
		for _, series := range s.clients {
			known += len(series.current) + len(series.previous)
		}
		if s.total != known {
			t.Errorf("%d series are counted, but %d are known", s.total, known)
		}
	}
	f := func(minutes float64, client Client, max int, hash uint64, wantAdmitted, wantNew bool) {
		t.Helper()
		now := s.start.Add(time.Duration(minutes * float64(time.Minute)))
		if admitted, isNew := s.Admit(client, max, hash, now); admitted != wantAdmitted || isNew != wantNew {
			t.Errorf("minute %v, client %d, series %d: got %v, %v, want %v, %v", minutes, client, hash, admitted, isNew, wantAdmitted, wantNew)
		}
		checkTotal()
	}
	f(0, 1, 2, 10, true, true)
	f(0, 1, 2, 20, true, true)
	f(0, 1, 2, 30, false, false)
	f(0, 1, 2, 10, true, false)
	f(0, 2, 1, 30, true, true) // another client
	f(0, 2, 1, 10, false, false)
	f(0, 1, 3, 30, true, true) // another token of the same client
	f(1, 1, 2, 10, true, false)
	f(1, 1, 2, 40, false, false)
	f(2, 1, 2, 40, true, true) // 20 and 30 are forgotten
	f(2, 1, 2, 10, true, false)
	f(2, 1, 2, 50, false, false)
	f(0, 1, 2, 50, false, false) // the clock goes back
	s.Remove(1, 40)
	s.Remove(1, 40)
	s.Remove(3, 40)
	checkTotal()
	f(2, 1, 2, 50, true, true)
	f(3, 1, 4, 80, true, true)
	f(3, 1, 4, 10, true, false)
	s.Remove(1, 80) // while series of the minute before are known
	checkTotal()
	s.Remove(1, 50) // of the minute before
	checkTotal()
	f(9, 1, 2, 60, true, true)
	f(9, 1, 2, 70, true, true)
	f(9, 1, 2, 10, false, false)
	if s.total != 3 {
		t.Errorf("%d series are known, want 3", s.total)
	}
}

func TestClientSeriesAreBounded(t *testing.T) {
	s := NewClientSeries()
	for c := range maxSeriesClients {
		if admitted, _ := s.Admit(Client(c), 1, 1, s.start); !admitted {
			t.Fatalf("client %d is rejected", c)
		}
	}
	if admitted, _ := s.Admit(maxSeriesClients, 1, 1, s.start); admitted {
		t.Error("one client too many is admitted")
	}
	if admitted, _ := s.Admit(maxSeriesClients, 1, 1, s.start.Add(2*time.Minute)); !admitted || len(s.clients) != 1 || s.total != 1 {
		t.Errorf("%d clients with %d series are known, want 1 with 1", len(s.clients), s.total)
	}

	s = NewClientSeries()
	for hash := range uint64(maxClientSeries) {
		s.Admit(1, 1e9, hash, s.start)
	}
	if admitted, _ := s.Admit(1, 1e9, maxClientSeries, s.start); admitted {
		t.Error("one series too many is admitted")
	}
	if admitted, _ := s.Admit(2, 1e9, 1, s.start.Add(2*time.Minute)); !admitted || s.total != 1 {
		t.Errorf("%d series are known, want 1", s.total)
	}
}
