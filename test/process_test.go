package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// process is a program that runs beside the test.
type process struct {
	name           string
	cmd            *exec.Cmd
	stdout, stderr tail

	exited chan struct{} // closed when it is gone, and err is set
	err    error
}

// start starts cmd. The program ends with the test at the latest; the end of
// its output is shown if the test fails.
func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	readSources()
	p := &process{name: filepath.Base(cmd.Path), cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	cmd.WaitDelay = time.Second // for children of its own that keep its output open
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error means that it is gone already
		<-p.exited
		if t.Failed() {
			t.Logf("%s\nends with %v\nstdout: %s\nstderr: %s", cmd, p.err, &p.stdout, &p.stderr)
		}
	})
	return p
}

// runToEnd runs cmd to its end and returns its exit code.
func runToEnd(t testing.TB, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, cmd)
	p.wait(t, patience)
	return cmd.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()
}

// mustRun runs cmd, which has to succeed, and returns its standard output.
func mustRun(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	code, stdout, stderr := runToEnd(t, cmd)
	if code != 0 {
		t.Fatalf("%s: got exit code %d, want 0\n%s%s", cmd, code, stdout, stderr)
	}
	return stdout
}

// signal sends sig to the program.
func (p *process) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %v to %s: %v", sig, p.name, err)
	}
}

// wait waits until the program has ended.
func (p *process) wait(t testing.TB, limit time.Duration) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(limit):
		t.Fatalf("%s has not ended within %s", p.name, limit)
	}
}

// hasExited tells whether the program has ended.
func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// ready waits until done says that the program can be used.
func (p *process) ready(t testing.TB, done func() bool) {
	t.Helper()
	eventually(t, p.name+" to be ready", func() bool {
		if p.hasExited() {
			t.Fatalf("%s has ended at once: %v", p.name, p.err)
		}
		return done()
	})
}

// stopTime is how long the proxy may take to stop.
const stopTime = 5 * time.Second

// stop asks the program to end and fails the test unless it does, with exit
// code 0 and in the time that the proxy has for it.
func (p *process) stop(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	p.endsWell(t)
}

// endsWell waits for a program that was asked to end.
func (p *process) endsWell(t testing.TB) {
	t.Helper()
	p.wait(t, stopTime)
	if p.err != nil {
		t.Fatalf("%s ended with: got %v, want exit code 0", p.name, p.err)
	}
}
