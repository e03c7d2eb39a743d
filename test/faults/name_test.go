//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"statsd-http-proxy/internal/testutil"
)

// hostName is StatsD's name in these tests.
const hostName = "statsd.test"

// needNamespaces skips the test if the system does not let it make namespaces.
func needNamespaces(t testing.TB) {
	t.Helper()
	unshare := testutil.NeedCommand(t, "unshare")
	err := exec.Command(unshare, "--net", "--mount", "true").Run()
	testutil.Need(t, err == nil, "the system allows no namespaces of one's own; root may have them")
}

// etc is a directory that a proxy sees as /etc, in a mount namespace of its own.
type etc string

func newEtc(t testing.TB) etc {
	t.Helper()
	needNamespaces(t)
	return etc(t.TempDir())
}

// write replaces a file in one step.
func (e etc) write(t testing.TB, name, content string) {
	t.Helper()
	next := filepath.Join(t.TempDir(), name)
	err := os.WriteFile(next, []byte(content), 0o644)
	if err == nil {
		err = os.Rename(next, filepath.Join(string(e), name))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// command returns cmd as a command that sees e as /etc.
func (e etc) command(cmd *exec.Cmd) *exec.Cmd {
	const script = `mount --bind "$0" /etc && exec "$@"`
	wrapped := exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, string(e)}, cmd.Args...)...)
	wrapped.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"))
	return wrapped
}

// naming gives StatsD a name that a proxy can look up.
type naming interface {
	// command returns cmd as a command that looks up the name here.
	command(cmd *exec.Cmd) *exec.Cmd
	// set replaces the name's addresses. Without any, the name does not exist.
	set(t testing.TB, hosts ...string)
}

// hostsFile is a file like /etc/hosts.
type hostsFile struct{ etc }

func newHostsFile(t testing.TB) *hostsFile {
	t.Helper()
	h := &hostsFile{newEtc(t)}
	h.write(t, "nsswitch.conf", "hosts: files\n")
	h.set(t)
	return h
}

func (h *hostsFile) set(t testing.TB, hosts ...string) {
	t.Helper()
	text := "127.0.0.1 localhost\n"
	for _, host := range hosts {
		text += host + " " + hostName + "\n"
	}
	h.write(t, "hosts", text)
}

// nameServer is a DNS server that knows one name.
type nameServer struct {
	etc
	conn net.PacketConn

	mu     sync.Mutex
	hosts  []netip.Addr
	silent bool // it answers nothing
	asked  int  // how often
}

// newNameServer starts a DNS server on a loopback address of its own, in a
// network namespace.
func newNameServer(t testing.TB, namespace string) *nameServer {
	t.Helper()
	s := &nameServer{etc: newEtc(t)}
	// Other tests run name servers at the same time.
	for i := 1; s.conn == nil; i++ {
		address := fmt.Sprintf("127.0.53.%d:53", i)
		err := inNamespace(namespace, func() (err error) {
			s.conn, err = net.ListenPacket("udp", address)
			return err
		})
		if err != nil && i == 254 {
			t.Fatalf("start a DNS server: %v", err)
		}
	}
	host, _, _ := net.SplitHostPort(s.conn.LocalAddr().String())
	s.write(t, "resolv.conf", "nameserver "+host+"\n")
	s.write(t, "nsswitch.conf", "hosts: dns\n")
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run()
	}()
	t.Cleanup(func() {
		s.conn.Close()
		<-done
	})
	return s
}

func (s *nameServer) set(t testing.TB, hosts ...string) {
	t.Helper()
	var parsed []netip.Addr
	for _, host := range hosts {
		address, err := netip.ParseAddr(host)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, address)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts = parsed
}

// setSilent makes the server stop answering, or start again.
func (s *nameServer) setSilent(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = silent
}

// waitAsked waits until the server was asked this many times more.
func (s *nameServer) waitAsked(t testing.TB, times int) {
	t.Helper()
	before := s.askedSoFar()
	testutil.Eventually(t, "questions to the DNS server", func() bool { return s.askedSoFar() >= before+times })
}

func (s *nameServer) askedSoFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *nameServer) run() {
	question := make([]byte, 64<<10)
	for {
		n, client, err := s.conn.ReadFrom(question)
		if err != nil {
			return
		}
		if answer := s.answer(question[:n]); answer != nil {
			_, _ = s.conn.WriteTo(answer, client) // who does not get it asks again
		}
	}
}

// answer returns the answer to a question, or nothing.
func (s *nameServer) answer(query []byte) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil
	}
	question, err := parser.Question()
	if err != nil {
		return nil
	}
	s.mu.Lock()
	hosts, silent := s.hosts, s.silent
	s.asked++
	s.mu.Unlock()
	if silent {
		return nil
	}
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{question},
	}
	if question.Name.String() != hostName+"." || len(hosts) == 0 {
		reply.RCode = dnsmessage.RCodeNameError
		hosts = nil
	}
	for _, host := range hosts {
		resource := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}}
		switch {
		case question.Type == dnsmessage.TypeA && host.Is4():
			resource.Body = &dnsmessage.AResource{A: host.As4()}
		case question.Type == dnsmessage.TypeAAAA && host.Is6():
			resource.Body = &dnsmessage.AAAAResource{AAAA: host.As16()}
		default:
			continue
		}
		reply.Answers = append(reply.Answers, resource)
	}
	packed, err := reply.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// startNamedProxy starts a proxy that sends to s by its name.
func startNamedProxy(t testing.TB, names naming, s *statsd, args ...string) *testutil.Proxy {
	t.Helper()
	args = append([]string{"--statsd-host=" + hostName, "--statsd-resolve-interval=1"}, args...)
	return testutil.StartProxyCommand(t, names.command(testutil.ProxyCommand(t, proxyArgs(s, args...)...)))
}

func TestNameServerAnswersAsItIsSet(t *testing.T) {
	s := newNameServer(t, "")
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
	for _, hosts := range [][]string{{"127.0.0.2"}, {"::1"}, {"127.0.0.2", "127.0.0.3", "::1"}, nil} {
		s.set(t, hosts...)
		got, err := resolver.LookupHost(t.Context(), hostName)
		slices.Sort(got)
		if slices.Sort(hosts); !slices.Equal(got, hosts) {
			t.Errorf("the name has %v: got %v %v", hosts, got, err)
		}
		var noName *net.DNSError
		if len(hosts) == 0 && (!errors.As(err, &noName) || !noName.IsNotFound) {
			t.Errorf("the name does not exist: got %v", err)
		}
	}
	s.set(t, "127.0.0.2")
	if got, err := resolver.LookupHost(t.Context(), "other."+hostName); err == nil {
		t.Errorf("another name: got %v, want an error", got)
	}
	s.setSilent(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var noAnswer *net.DNSError
	if got, err := resolver.LookupHost(ctx, hostName); !errors.As(err, &noAnswer) || !noAnswer.IsTimeout {
		t.Errorf("a silent server: got %v %v, want no answer", got, err)
	}
}

func TestEtcIsSeenByTheCommandAlone(t *testing.T) {
	h := newHostsFile(t)
	h.set(t, "127.0.0.2", "::1")
	got := testutil.MustRun(t, h.command(exec.Command("cat", "/etc/hosts")))
	if want := "127.0.0.1 localhost\n127.0.0.2 statsd.test\n::1 statsd.test\n"; got != want {
		t.Errorf("/etc/hosts: got %q, want %q", got, want)
	}
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil || strings.Contains(string(hosts), hostName) {
		t.Errorf("the machine's own /etc/hosts: got %q %v, want it left alone", hosts, err)
	}
}
