//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	startTime = 20 * time.Second // that a server has until it answers
	stopTime  = 6 * time.Second  // that it has to end when it is asked to
)

// process is a server that runs beside the benchmark.
type process struct {
	name string
	port int
	cmd  *exec.Cmd

	stderr tail
	exited chan struct{} // closed when it is gone
}

// startProcess starts a server that will listen on port, with the processors
// cpus to itself: what Go calls GOMAXPROCS is their number. The caller stops it.
func startProcess(name string, port int, cpus []int, command ...string) (*process, error) {
	p := &process{name: name, port: port, cmd: exec.Command(command[0], command[1:]...), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(len(cpus)))
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = time.Second // for children of its own that keep its output open
	if err := startOn(p.cmd, cpus); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ends is not of interest, only that it does
		close(p.exited)
	}()
	return p, nil
}

// startOn starts cmd on the given processors: a child has those of the thread
// that started it.
func startOn(cmd *exec.Cmd, cpus []int) error {
	return onThread(cpus, cmd.Start)
}

// pin lets a thread, 0 for the caller's, run on the given processors only.
func pin(thread int, cpus []int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(thread, &set); err != nil {
		return fmt.Errorf("pin a thread to the processors %v: %w", cpus, err)
	}
	return nil
}

// pinSelf keeps all threads of the benchmark on the given processors. Threads
// that come later have those of the thread that makes them.
func pinSelf(cpus []int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list the threads: %w", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return fmt.Errorf("list the threads: %w", err)
		}
		if err := pin(id, cpus); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// processors returns the numbers of those that the benchmark may use.
func processors() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("list the processors: %w", err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// cpuTime returns the time that processors have spent on the process, its
// threads that have ended included: the kernel's own account, in nanoseconds.
// See clock_getcpuclockid in the C library for the number of that clock.
func (p *process) cpuTime() (time.Duration, error) {
	const scheduler = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|scheduler), &t); err != nil {
		return 0, fmt.Errorf("read the processor time of %s: %w", p.name, err)
	}
	return time.Duration(t.Nano()), nil
}

// ready waits until the process accepts connections.
func (p *process) ready() error {
	const retry = 100 * time.Microsecond
	for deadline := time.Now().Add(startTime); ; time.Sleep(retry) {
		conn, err := net.Dial("tcp", address(p.port))
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s has ended: %s", p.name, &p.stderr)
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not listen after %s: %w; %s", p.name, startTime, err, &p.stderr)
		}
	}
}

func address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// stop asks the process to end, and ends it if it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it is gone
	select {
	case <-p.exited:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// Ports for the servers lie below those that Linux gives to clients, so that
// none is taken between the look and the use.
const (
	firstPort = 20000
	lastPort  = 32000
)

// ports gives each server a port of its own.
type ports struct{ next int }

// free returns a port that nobody uses.
func (p *ports) free() (int, error) {
	for range lastPort - firstPort {
		port := firstPort + p.next%(lastPort-firstPort)
		p.next++
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("no port between %d and %d is free", firstPort, lastPort)
}

// tailBytes is how much of what a server writes is kept.
const tailBytes = 4 << 10

// tail is a writer that keeps the end of what was written.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailBytes; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
