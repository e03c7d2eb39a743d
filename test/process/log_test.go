//go:build linux

package process

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"statsd-http-proxy/internal/testutil"
)

// pipeSize is the number of bytes that wait for the reader of a pipe. It is the smallest
// possible, so that a log soon fills the pipe.
const pipeSize = 4096

// startWithPipe starts the program with a pipe as its standard error, and as its standard
// output too if both is set. It waits until the program accepts connections and returns
// its address. Until then the test reads the pipe, and it closes or keeps reader
// afterwards.
func startWithPipe(t *testing.T, cmd *exec.Cmd, both bool) (address string, reader *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if _, err := unix.FcntlInt(writer.Fd(), unix.F_SETPIPE_SZ, pipeSize); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	cmd.Stderr = writer
	if both {
		cmd.Stdout = writer
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it fails if the program has exited
	if err := reader.SetReadDeadline(time.Now().Add(testutil.Patience)); err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(`accepting connections" address=(\S+) (?s:.*)forwarding to statsd.*\n`)
	var log bytes.Buffer
	for buffer := make([]byte, 1024); ; {
		n, err := reader.Read(buffer)
		if err != nil {
			t.Fatalf("read the log: %v\n%s", err, &log)
		}
		log.Write(buffer[:n])
		if match := pattern.FindSubmatch(log.Bytes()); match != nil {
			return string(match[1]), reader
		}
	}
}

// stopTimeout is --shutdown-timeout, and more for a busy machine.
const stopTimeout = 30 * time.Second

// mustEnd sends SIGTERM to cmd and fails the test unless cmd exits with code 0 in time.
func mustEnd(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the proxy ended with %v, want exit code 0", err)
		}
	case <-time.After(stopTimeout):
		t.Fatalf("the proxy has not ended %s after SIGTERM", stopTimeout)
	}
}

// sendCounts posts counts to address, in batches, and returns how many.
func sendCounts(t *testing.T, address string, batches int) int {
	t.Helper()
	const entries = 500
	client := &http.Client{Timeout: testutil.Patience}
	for i := range batches {
		var body bytes.Buffer
		for j := range entries {
			fmt.Fprintf(&body, "batch%d.entry%d.%0100d:1|c\n", i, j, 0)
		}
		status, answer, err := testutil.Post(client, "http://"+address+"/batch", body.String(), "Content-Type", "text/plain")
		if err != nil || status != 200 {
			t.Fatalf("batch %d: got %d %s %v, want 200", i, status, answer, err)
		}
	}
	return batches * entries
}

func TestProxyOutlivesTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	cmd := testutil.ProxyCommand(t, "--http-port=0", "--verbose", "--statsd-port="+statsd.Port)
	address, reader := startWithPipe(t, cmd, true)
	reader.Close()
	sent := sendCounts(t, address, 3)
	mustEnd(t, cmd)
	if got := len(statsd.All(t)); got != sent {
		t.Errorf("StatsD received %d lines, want %d", got, sent)
	}
}

func TestProxyDoesNotWaitForTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	cmd := testutil.ProxyCommand(t, "--http-port=0", "--verbose", "--statsd-port="+statsd.Port)
	address, reader := startWithPipe(t, cmd, true)
	sent := sendCounts(t, address, 30) // their log does not fit into the pipe
	statsd.WaitForCount(t, sent)

	// When the reader reads on, it gets the rest of the log.
	log := make(chan []byte, 1)
	go func() {
		text, _ := io.ReadAll(reader) // ends with the program, or with the deadline
		log <- text
	}()
	if status, answer, err := testutil.Post(&http.Client{Timeout: testutil.Patience}, "http://"+address+"/count/last", "value=1"); err != nil || status != 200 {
		t.Fatalf("after the log: got %d %s %v, want 200", status, answer, err)
	}
	statsd.WaitFor(t, "last:1|c")
	mustEnd(t, cmd)
	if text := <-log; len(text) <= pipeSize || !bytes.Contains(text, []byte("msg=stopping")) {
		t.Errorf("got %d bytes of log, want more than %d with the stop; they end with %s", len(text), pipeSize, text[max(0, len(text)-500):])
	}
}

func TestProxyStopsWhileItsLogHangs(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	cmd := testutil.ProxyCommand(t, "--http-port=0", "--verbose", "--statsd-port="+statsd.Port)
	address, _ := startWithPipe(t, cmd, true)
	sent := sendCounts(t, address, 10)
	mustEnd(t, cmd)
	if got := len(statsd.All(t)); got != sent {
		t.Errorf("StatsD received %d lines, want %d", got, sent)
	}
}

func TestDemoDoesNotWaitForTheReaderOfItsOutput(t *testing.T) {
	t.Parallel()
	cmd := testutil.ProxyCommand(t, "--http-port=0", "--demo")
	address, _ := startWithPipe(t, cmd, true)
	sendCounts(t, address, 10)
	mustEnd(t, cmd)
}
