//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNginx checks that the worker of nginx runs on the server's processor, and that its
// CPU time is measured.
func TestNginx(t *testing.T) {
	b := quickBench(t)
	if b.nginx.name == "" {
		t.Skip("nginx is not installed")
	}
	rows, err := newRows()
	if err != nil {
		t.Fatal(err)
	}
	server, err := b.start(b.nginx, b.server, protocolHTTP1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	r := &rows[1]
	if err := b.connect(server, r); err != nil {
		t.Fatal(err)
	}
	if err := server.load.run(10000, r.requests(b.connections)); err != nil {
		t.Fatal(err)
	}

	pid := server.cmd.Process.Pid
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	worker, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		t.Fatalf("want one worker: %v", err)
	}
	var got, want unix.CPUSet
	for _, cpu := range b.server {
		want.Set(cpu)
	}
	if err := unix.SchedGetaffinity(worker, &got); err != nil || got != want {
		t.Errorf("the worker: got the processors %v, %v, want %v", got, err, want)
	}
	ofWorker, err := cpuClock(worker)
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := server.cpuTime(); err != nil || sum < ofWorker || ofWorker == 0 {
		t.Errorf("got a CPU time of %s, %v, want at least the worker's %s", sum, err, ofWorker)
	}
}
