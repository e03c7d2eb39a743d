package testutil

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a program that a test has started.
type Process struct {
	Cmd            *exec.Cmd
	Stdout, Stderr Output
	Err            error // from Cmd.Wait; valid after Wait has returned

	name   string
	exited chan struct{} // closed when the program has exited
}

// Start starts cmd. The test kills the program at its end if it still runs. A test
// that fails logs the last output of the program. A program that reports a data
// race fails the test.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	readSources()
	p := &Process{name: filepath.Base(cmd.Path), Cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.Stdout, &p.Stderr
	cmd.WaitDelay = time.Second // for child processes that keep the output open
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd, err)
	}
	go func() {
		p.Err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it fails if the program has exited
		<-p.exited
		if strings.Contains(p.Stderr.String(), "WARNING: DATA RACE") {
			t.Errorf("%s reports a data race", p.name)
		}
		if t.Failed() {
			t.Logf("%s\nended with %v\nstdout: %s\nstderr: %s", cmd, p.Err, &p.Stdout, &p.Stderr)
		}
	})
	return p
}

// RunToEnd runs cmd until it exits and returns its exit code and its output.
func RunToEnd(t testing.TB, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	p := Start(t, cmd)
	p.Wait(t, Patience)
	return cmd.ProcessState.ExitCode(), p.Stdout.String(), p.Stderr.String()
}

// MustRun runs cmd until it exits and returns its standard output. It fails the
// test if the exit code is not 0.
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

// Wait waits until the program has exited, up to the limit.
func (p *Process) Wait(t testing.TB, limit time.Duration) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(limit):
		t.Fatalf("%s has not exited within %s", p.name, limit)
	}
}

// HasExited reports whether the program has exited.
func (p *Process) HasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// WaitReady waits until isReady returns true. It fails the test if the program
// exits before.
func (p *Process) WaitReady(t testing.TB, isReady func() bool) {
	t.Helper()
	Eventually(t, p.name+" to be ready", func() bool {
		if p.HasExited() {
			t.Fatalf("%s has exited early: %v", p.name, p.Err)
		}
		return isReady()
	})
}

// stopTimeout is how long the proxy may take to stop: the 5 seconds of
// --shutdown-timeout, and the delays of a busy machine.
const stopTimeout = 30 * time.Second

// Stop sends SIGTERM to the program. It fails the test unless the program exits
// with code 0 within stopTimeout.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	p.WaitStopped(t)
}

// WaitStopped waits for a program that was told to stop. It fails the test unless
// the program exits with code 0 within 30 seconds.
func (p *Process) WaitStopped(t testing.TB) {
	t.Helper()
	p.Wait(t, stopTimeout)
	if p.Err != nil {
		t.Fatalf("%s ended with: got %v, want exit code 0", p.name, p.Err)
	}
}
