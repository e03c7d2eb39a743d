package metric

import (
	"strings"
	"testing"
)

// TestFastPathTakesFinalLines checks which lines take the fast path. FuzzLines in
// package decode checks that the result is the same as without it.
func TestFastPathTakesFinalLines(t *testing.T) {
	graphite, tagged := Options{TagFormat: "graphite"}, Options{Tags: pairs("env=prod")}
	f := func(options Options, isFast bool, line string) {
		t.Helper()
		e := newTestEncoder(t, options)
		var l Lines
		want := 0
		if isFast {
			want = len(line)
		}
		if n := e.AppendFast(new(Written), &l, []byte(line), nil); n != want {
			t.Errorf("AppendFast(%q) took %d bytes, want %d", line, n, want)
		}
		written := strings.Join([]string{options.Prefix, line}, "")
		if isFast && string(l.Bytes) != strings.TrimSuffix(written, "\n") || !isFast && len(l.Bytes)+len(l.Ends) > 0 {
			t.Errorf("AppendFast(%q) wrote %q", line, l.Bytes)
		}
	}
	for _, line := range []string{"k:1|c", "k:1|c\n", "a.b-c_d:1|g\n", "k,a=b:320|ms", "k,a=b,ab=b,c=d:999999999999999999|c\n", "k:1|s", "k:1|c|@0.5\n", "k:1|ms|@0.0001", "k,a=b:1|c|@0.25"} {
		f(Options{}, true, line)
		f(Options{Prefix: "p."}, true, line)
		f(tagged, false, line)
		f(graphite, !strings.Contains(line, ","), line)
	}
	for _, line := range []string{
		"", "\n", "k", "k:0|g", "k,b=a,a=b,b=c:1|c", "k,i=1,h=2,g=3,f=4,e=5,d=6,c=7,b=8,a=9:1|c", "k,_=a,__b=a:1|c", "k,le=5:1|c", "constructor:1|c", "k[:1|c", "k,a=]:1|c", "k:", "k:1", "k:1|", "k:1|x", "k:1|h", "k:1|c|@0.50", "k:1|c|@0.00001", "k:1|c|@0.0", "k:1|c|@0.", "k:1|c|@.5", "k:1|c|@1", "k:1|c|@0.5|@0.5", "k:1|c|@0.5\r", "k:1|g|@0.5", "k:1|s|@0.5", "k:1|c|", "k:1|c|#a:b", "k:1|c\r\n", "k:1|c ", " k:1|c", ":1|c", "k:|c", "k:+1|g", "k:-1|g", "k:01|c", "k:1.5|c", "k:1:2|c",
		"k:1000000000000000000|c", ".k:1|c", "a/b:1|c", "a b:1|c", "ä:1|c", "k\x00:1|c", "k@:1|c", "k;a=b:1|c", "k,:1|c", "k,a:1|c", "k,a=:1|c", "k,=b:1|c", "k,a=b", "k,a=b,:1|c", "k,a=b,a=c:1|c", "k,a==b:1|c", "k,a=b;c=d:1|c", "k,a=b#:1|c",
		strings.Repeat("k", 256) + ":1|c", "k,a=" + strings.Repeat("b", datagram) + ":1|c",
	} {
		f(Options{}, false, line)
	}
	f(Options{Lowercase: true}, false, "K:1|c")
	f(Options{Lowercase: true}, true, "k:1|c")
	f(Options{NameFormat: "prometheus"}, false, "a.b:1|c")
	f(Options{Histograms: true}, true, "k:1|h")
	f(Options{Prefix: strings.Repeat("p", 250) + "."}, false, "kkkkk:1|c")
	f(Options{Prefix: strings.Repeat("p", 250) + "."}, true, "kkkk:1|c")
	f(Options{}, true, strings.Repeat("k", MaxName)+":1|c")
	f(Options{}, true, "k,a="+strings.Repeat("b", datagram-len("k,a=:1|c"))+":1|c")
	f(Options{}, false, "k,a="+strings.Repeat("b", datagram-len("k,a=:1|c")+1)+":1|c")
	f(Options{}, true, "cr:1|c") // it starts and ends as constructor does
	f(Options{Prefix: "p."}, true, "constructor:1|c")
	f(Options{TagFormat: "none", Tags: pairs("env=prod")}, true, "k:1|c")
}

// TestFastPathObeysTheScope checks that forbidden lines do not take the fast path.
func TestFastPathObeysTheScope(t *testing.T) {
	patterns, err := ParsePatterns([]string{"web.*"})
	if err != nil {
		t.Fatal(err)
	}
	scope := &Scope{Metrics: patterns, Kinds: 1 << Count, Prefix: []byte("shop")}
	f := func(options Options, line, want string) {
		t.Helper()
		var l Lines
		var w Written
		n := newTestEncoder(t, options).AppendFast(&w, &l, []byte(line), scope)
		if string(l.Bytes) != want || n > 0 != (want != "") {
			t.Errorf("AppendFast(%q) took %d bytes and wrote %q, want %q", line, n, l.Bytes, want)
		}
		if name, _, _ := strings.Cut(want, ":"); string(w.Name) != name {
			t.Errorf("%q: the series is %q", line, w.Name)
		}
	}
	f(Options{}, "web.k:1|c", "shop.web.k:1|c")
	f(Options{Prefix: "pre"}, "web.k,a=b:1|c\nweb.l:1|c", "pre.shop.web.k,a=b:1|c")
	f(Options{}, "web.k:1|g", "")
	f(Options{}, "app.k:1|c", "")
}

func TestFastPathSortsTags(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		var l Lines
		var w Written
		n := newTestEncoder(t, Options{Prefix: "p"}).AppendFast(&w, &l, []byte(line), nil)
		if string(l.Bytes) != want || n != len(line) {
			t.Errorf("AppendFast(%q) took %d bytes and wrote %q, want %q", line, n, l.Bytes, want)
		}
		if name, _, _ := strings.Cut(want, ":"); string(w.Name) != name {
			t.Errorf("AppendFast(%q): the series is %q", line, w.Name)
		}
	}
	f("k,b=1,a=2:1|c", "p.k,a=2,b=1:1|c")
	f("k,h=8,g=7,f=6,e=5,d=4,c=3,b=2,a=1:1|c", "p.k,a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8:1|c")
	f("k,a!=1,a=2,A=3:1|ms|@0.5", "p.k,A=3,a=2,a!=1:1|ms|@0.5")
	f("k,b=2,c=3,a=1:1|c", "p.k,a=1,b=2,c=3:1|c")
}
