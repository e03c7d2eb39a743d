package clients

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"statsd-http-proxy/internal/testutil"
)

// client is a row of the table in docs/clients.md.
type client struct {
	language, name string

	// command runs the client's program in test/clients/programs, which reads requests
	// as lines and answers each with a line:
	//
	//	http://127.0.0.1:8125/count/k 0          a metric
	//	http://127.0.0.1:8125/count/k 4096       a body of 4096 bytes
	//	200 0.613                                the status and the milliseconds
	//	error socket hang up
	//
	// Its first line is the word ready and the version.
	command []string
	// post posts a body, for clients in Go, instead of command.
	post func(url, body string) (status int, err error)
	// isOptional reports whether the client may be missing on the machine.
	isOptional bool
	// obeysKeepAlive reports whether the client gives up a connection in time if the
	// response says Keep-Alive: timeout=N.
	obeysKeepAlive bool
}

// debianPython is the Python for which test/install installs packages.
const debianPython = "/usr/bin/python3"

var clients = []client{
	{language: "Go", name: "net/http", post: postNetHTTP},
	{language: "Go", name: "fasthttp", post: postFastHTTP},
	{language: "Java", name: "java.net.http", command: []string{"java", "Java.java"}, isOptional: true},
	{language: "JavaScript", name: "fetch", command: []string{"node", "node.mjs", "fetch"}, obeysKeepAlive: true},
	{language: "JavaScript", name: "node:http", command: []string{"node", "node.mjs", "node:http"}},
	{language: "JavaScript", name: "axios", command: []string{"node", "node.mjs", "axios"}},
	{language: "JavaScript", name: "got", command: []string{"node", "node.mjs", "got"}},
	{language: "Perl", name: "HTTP::Tiny", command: []string{"perl", "perl.pl", "HTTP::Tiny"}},
	{language: "Perl", name: "LWP", command: []string{"perl", "perl.pl", "LWP"}},
	{language: "PHP", name: "curl", command: []string{"php", "php.php", "curl"}},
	{language: "PHP", name: "Guzzle", command: []string{"php", "php.php", "Guzzle"}},
	{language: "Python", name: "aiohttp", command: []string{debianPython, "python.py", "aiohttp"}},
	{language: "Python", name: "http.client", command: []string{debianPython, "python.py", "http.client"}},
	{language: "Python", name: "httpx", command: []string{debianPython, "python.py", "httpx"}},
	{language: "Python", name: "requests", command: []string{debianPython, "python.py", "requests"}},
	{language: "Python", name: "urllib", command: []string{debianPython, "python.py", "urllib"}},
	{language: "Python", name: "urllib3", command: []string{debianPython, "python.py", "urllib3"}},
	{language: "Ruby", name: "net/http", command: []string{"ruby", "ruby.rb"}},
}

// isThere reports whether the machine has the client. It skips the test if a client that
// test/install installs is missing.
func (c *client) isThere(t *testing.T) bool {
	t.Helper()
	if c.post != nil {
		return true
	}
	if _, err := exec.LookPath(c.command[0]); err != nil && c.isOptional {
		t.Logf("left out %s %s: there is no %s", c.language, c.name, c.command[0])
		return false
	}
	testutil.NeedCommand(t, c.command[0])
	return true
}

func postNetHTTP(url, body string) (status int, err error) {
	return postWith(http.DefaultClient, url, body)
}

func postWith(client *http.Client, url, body string) (status int, err error) {
	response, err := client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func postFastHTTP(url, body string) (status int, err error) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI(url)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.SetBodyString(body)
	err = fasthttp.Do(request, response)
	return response.StatusCode(), err
}

// goVersion returns the version of a client in Go.
func (c *client) goVersion(t *testing.T) string {
	t.Helper()
	module := regexp.MustCompile(`github.com/valyala/fasthttp v(\S+)`).FindStringSubmatch(testutil.ReadFile(t, "go.mod"))
	if c.name == "fasthttp" && module != nil {
		return module[1]
	}
	return strings.TrimPrefix(runtime.Version(), "go")
}

// driver sends requests with a client.
type driver struct {
	client  *client
	version string

	stdin   io.Writer
	answers chan string // the lines that the program writes; closed at its end
	stderr  testutil.Output
}

// start starts the client's program.
func (c *client) start(t *testing.T) *driver {
	t.Helper()
	d := &driver{client: c, version: c.goVersion(t)}
	if c.post != nil {
		return d
	}
	cmd := exec.Command(c.command[0], c.command[1:]...)
	cmd.Dir = testutil.Path("test/clients/programs")
	cmd.Env = append(os.Environ(), "NO_PROXY=*")
	cmd.Stderr = &d.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.stdin, d.answers = stdin, make(chan string, 1)
	go func() {
		defer close(d.answers)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			d.answers <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // it fails if the program has exited
		for range d.answers {
		}
		_ = cmd.Wait() // the program was killed
	})
	return d
}

// waitReady waits until the program has started.
func (d *driver) waitReady(t *testing.T) {
	t.Helper()
	if d.client.post != nil {
		return
	}
	version, isReady := strings.CutPrefix(d.next(t), "ready ")
	testutil.Need(t, isReady, fmt.Sprintf("%s %s does not start, see test/install: %s", d.client.language, d.client.name, d.stderr.String()))
	d.version = version
}

// next returns the next line of the program, or nothing if it has exited.
func (d *driver) next(t *testing.T) string {
	t.Helper()
	select {
	case answer := <-d.answers:
		return answer
	case <-time.After(testutil.Patience):
		t.Fatalf("%s %s has not answered within %s", d.client.language, d.client.name, testutil.Patience)
		return ""
	}
}

// result is how a request ended.
type result struct {
	status  int // 0 after an error
	spent   time.Duration
	problem string
}

// send posts a metric, or a body of size bytes if that is not 0.
func (d *driver) send(t *testing.T, url string, size int) result {
	t.Helper()
	if d.client.post != nil {
		body := `{"value": 1}`
		if size > 0 {
			body = strings.Repeat("x", size)
		}
		start := time.Now()
		status, err := d.client.post(url, body)
		if err != nil {
			return result{problem: err.Error()}
		}
		return result{status: status, spent: time.Since(start)}
	}
	if _, err := fmt.Fprintln(d.stdin, url, size); err != nil {
		t.Fatalf("%s %s: %v", d.client.language, d.client.name, err)
	}
	first, second, _ := strings.Cut(d.next(t), " ")
	if first == "error" {
		return result{problem: second}
	}
	status, err1 := strconv.Atoi(first)
	milliseconds, err2 := strconv.ParseFloat(second, 64)
	if err1 != nil || err2 != nil {
		t.Fatalf("%s %s answers %q %q, want a status and milliseconds: %s", d.client.language, d.client.name, first, second, d.stderr.String())
	}
	return result{status: status, spent: time.Duration(milliseconds * float64(time.Millisecond))}
}
