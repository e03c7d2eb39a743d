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
	startTimeout = 20 * time.Second // from the start of a server until it accepts connections
	stopTimeout  = 6 * time.Second  // from SIGTERM until the server has ended
)

// process is a server in another process.
type process struct {
	name string
	port int
	cmd  *exec.Cmd

	stderr tail
	exited chan struct{} // closed when the process has ended
}

// startProcess starts a server that will listen on port. The server runs only on
// the processors cpus, and GOMAXPROCS is their number. The caller must stop it.
func startProcess(name string, port int, cpus []int, command ...string) (*process, error) {
	p := &process{name: name, port: port, cmd: exec.Command(command[0], command[1:]...), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(len(cpus)))
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = time.Second // child processes may keep its output open
	if err := startOn(p.cmd, cpus); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code does not matter
		close(p.exited)
	}()
	return p, nil
}

// startOn starts cmd on the given processors: a child process inherits the affinity
// of the thread that started it.
func startOn(cmd *exec.Cmd, cpus []int) error {
	return onThread(cpus, cmd.Start)
}

// pin restricts a thread to the given processors. 0 means the current thread.
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

// pinSelf restricts all threads of the benchmark to the given processors. New
// threads inherit the affinity of the thread that creates them.
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

// processors returns the numbers of the processors that the benchmark can use.
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

// cpuTime returns the CPU time of the process and its children, including threads that
// have ended. nginx does its work in a child.
func (p *process) cpuTime() (time.Duration, error) {
	pid := p.cmd.Process.Pid
	sum, err := cpuClock(pid)
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of %s: %w", p.name, err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, fmt.Errorf("list the children of %s: %w", p.name, err)
	}
	for field := range bytes.FieldsSeq(children) {
		child, err := strconv.Atoi(string(field))
		if err != nil {
			return 0, fmt.Errorf("list the children of %s: %w", p.name, err)
		}
		t, err := cpuClock(child)
		if err != nil {
			return 0, fmt.Errorf("read the CPU time of child %d of %s: %w", child, p.name, err)
		}
		sum += t
	}
	return sum, nil
}

// cpuClock reads the CPU clock of a process, which counts in nanoseconds. The clock's
// number is computed as by clock_getcpuclockid in the C library.
func cpuClock(pid int) (time.Duration, error) {
	const cpuClockSched = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|cpuClockSched), &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

// waitReady waits until the process accepts a connection.
func (p *process) waitReady() error {
	const retryInterval = 100 * time.Microsecond
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(retryInterval) {
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
			return fmt.Errorf("%s accepts no connections after %s: %w; %s", p.name, startTimeout, err, &p.stderr)
		}
	}
}

// address returns the address of a port on the loopback interface.
func address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// stop sends SIGTERM to the process, and kills it if it does not end in time.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// The range of ports for servers. It is below Linux's range for outgoing
// connections, so that a free port stays free until the server uses it.
const (
	firstPort = 20000
	lastPort  = 32000
)

// ports assigns ports to servers.
type ports struct{ next int }

// free returns an unused port.
func (p *ports) free() (int, error) {
	for range lastPort - firstPort {
		port := firstPort + p.next%(lastPort-firstPort)
		p.next++
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("no port from %d to %d is free", firstPort, lastPort)
}

// maxTailBytes is the maximum size of a tail.
const maxTailBytes = 4 << 10

// tail is a writer that keeps the last bytes that were written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - maxTailBytes; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
