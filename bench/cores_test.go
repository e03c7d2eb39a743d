//go:build linux

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayouts(t *testing.T) {
	f := func(cpus []int, want ...[]int) {
		t.Helper()
		one, two := layouts(cpus)
		got := [][]int{one.server, one.client, two.server, two.client}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: processors of server and client in both layouts (-want +got):\n%s", cpus, diff)
		}
	}
	f([]int{0, 1}, []int{0}, []int{0}, []int{0, 1}, []int{0, 1})
	f([]int{0, 1, 2}, []int{0}, []int{0}, []int{0, 1}, []int{0, 1})
	f([]int{0, 1, 4, 5}, []int{0}, []int{4, 5}, []int{0, 1}, []int{4, 5})
}
