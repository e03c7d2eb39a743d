package exchange

import "testing"

func TestTargets(t *testing.T) {
	f := func(want bool, method string, targets ...string) {
		t.Helper()
		for _, target := range targets {
			if got := IsTarget([]byte(method), []byte(target)); got != want {
				t.Errorf("IsTarget(%s, %q) is %v", method, target, got)
			}
		}
	}
	f(true, "POST", "/", "/count/k", "/count/k?value=1", "//count/k", "/*://y/batch", "/\\", "/count/\xc3\xa4",
		"http://y/batch", "HTTP://y/batch", "hTTps://y:443/batch", "http://y", "http://y?value=1", "http://y/?a://b", "http://[::1]:80/batch", "http://10.0.0.1/batch")
	f(false, "POST", "*", "*://y/batch", "*x://y/batch", "*:///batch", "*/b://z/batch", "1://y/batch", "://y/batch", ":///count/k", "ftp://y/batch", "httpx://y/batch", "http//y/batch",
		"http:///batch", "http://", "http://?x", `http://y\/batch`, "http://y#/batch", "http://y/batch#x", "http://y?x#y", "http://u@y/batch", "http://u:p@y/batch", "http://@y/batch",
		"http://y:99999/batch", "http://y:80x/batch", "http://y:80:80/batch", "http://[::1/batch", "http://::1/batch", "http://[::1]x/batch", "http://%zz/batch", "http://y z/batch",
		"http://\xc3\xa4/batch", "http:/y/batch", "http:y/batch", "y:80", "y", "count/k", "?value=1", `\batch`, "ws://y/batch")
	f(true, "OPTIONS", "*", "/count/k", "http://y/count/k")
	f(false, "OPTIONS", "**", "*x", "*://y/")
	f(true, "CONNECT", "y:443", "[::1]:443", "/count/k")
	f(false, "CONNECT", "*", "http://y/", "u@y:443", "y:99999", "[::1:443")
}
