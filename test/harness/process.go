package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Process is a program that runs beside the test.
type Process struct {
	Cmd            *exec.Cmd
	Stdout, Stderr Tail
	Err            error // how it ended; set when it is gone

	name   string
	exited chan struct{} // closed when it is gone
}

// Start starts cmd. The program ends with the test at the latest; the end of
// its output is shown if the test fails.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	readSources()
	p := &Process{name: filepath.Base(cmd.Path), Cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.Stdout, &p.Stderr
	cmd.WaitDelay = time.Second // for children of its own that keep its output open
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd, err)
	}
	go func() {
		p.Err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error means that it is gone already
		<-p.exited
		if t.Failed() {
			t.Logf("%s\nends with %v\nstdout: %s\nstderr: %s", cmd, p.Err, &p.Stdout, &p.Stderr)
		}
	})
	return p
}

// RunToEnd runs cmd to its end and returns its exit code.
func RunToEnd(t testing.TB, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	p := Start(t, cmd)
	p.Wait(t, Patience)
	return cmd.ProcessState.ExitCode(), p.Stdout.String(), p.Stderr.String()
}

// MustRun runs cmd, which has to succeed, and returns its standard output.
func MustRun(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	code, stdout, stderr := RunToEnd(t, cmd)
	if code != 0 {
		t.Fatalf("%s: got exit code %d, want 0\n%s%s", cmd, code, stdout, stderr)
	}
	return stdout
}

// Signal sends sig to the program.
func (p *Process) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.Cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %v to %s: %v", sig, p.name, err)
	}
}

// Wait waits until the program has ended.
func (p *Process) Wait(t testing.TB, limit time.Duration) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(limit):
		t.Fatalf("%s has not ended within %s", p.name, limit)
	}
}

// hasExited tells whether the program has ended.
func (p *Process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Ready waits until done says that the program can be used.
func (p *Process) Ready(t testing.TB, done func() bool) {
	t.Helper()
	Eventually(t, p.name+" to be ready", func() bool {
		if p.hasExited() {
			t.Fatalf("%s has ended at once: %v", p.name, p.Err)
		}
		return done()
	})
}

// stopTime is how long the proxy may take to stop.
const stopTime = 5 * time.Second

// Stop asks the program to end and fails the test unless it does, with exit
// code 0 and in the time that the proxy has for it.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	p.EndsWell(t)
}

// EndsWell waits for a program that was asked to end.
func (p *Process) EndsWell(t testing.TB) {
	t.Helper()
	p.Wait(t, stopTime)
	if p.Err != nil {
		t.Fatalf("%s ended with: got %v, want exit code 0", p.name, p.Err)
	}
}
