package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// checkTimeout bounds Check.
const checkTimeout = 5 * time.Second

// maxReasons is how many bytes of the reasons Check returns.
const maxReasons = 4 << 10

// Check asks the admin listener at an address that Listen takes whether its proxy is
// ready. If the host stands for all interfaces, it asks over the loopback interface. It
// returns the reasons as an error of one line.
func Check(address string) error {
	network, name := splitAddress(address)
	if host, port, err := net.SplitHostPort(name); network == "tcp" && err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			name = net.JoinHostPort("localhost", port)
		}
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	client := http.Client{Timeout: checkTimeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, name)
		},
	}}
	response, err := client.Get("http://admin/readyz")
	if err != nil {
		return fmt.Errorf("ask the admin listener at %q: %w", address, errors.Unwrap(err)) // without the URL
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxReasons))
	switch {
	case err != nil:
		return fmt.Errorf("read the response of the admin listener at %q: %w", address, err)
	case response.StatusCode == http.StatusOK:
		return nil
	case response.StatusCode == http.StatusServiceUnavailable:
		return errors.New("not ready: " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "; "))
	default:
		return fmt.Errorf("the response to /readyz at %q has status %d, want 200", address, response.StatusCode)
	}
}
