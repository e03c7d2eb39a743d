package metric

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func parsePatterns(t testing.TB, patterns ...string) Patterns {
	t.Helper()
	p, err := ParsePatterns(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPatternsMatchNames(t *testing.T) {
	f := func(patterns, names, others string) {
		t.Helper()
		p := parsePatterns(t, strings.Fields(patterns)...)
		for name := range strings.FieldsSeq(names) {
			if !p.Match([]byte(name)) {
				t.Errorf("%s does not match %q", patterns, name)
			}
		}
		for name := range strings.FieldsSeq(others) {
			if p.Match([]byte(name)) {
				t.Errorf("%s matches %q", patterns, name)
			}
		}
	}
	f("web.load", "web.load", "web.loa web.loads Web.load xweb.load web_load")
	f("web.*", "web. web.load web.page.load web.*", "web xweb.load")
	f("*.load", ".load web.load web.page.load", "load web.loads")
	f("web.*.load", "web..load web.a.load web.a.b.load web.load.load", "web.load web.a.load.b")
	f("*", "a a.b ü", "")
	f("***", "a a.b", "")
	f("*a*", "a ba ab bab", "b")
	f("a*a", "aa aba aaa", "a ab")
	f("*ab*ab*", "abab xabyabz", "ab aab abxa")
	f("a*b*c", "abc aXbXc abcbc abbc", "ac acb aXcXb")
	f("*aab", "aab aaab aabaab", "aabx ab")
	f("*.é", "x.é", "x.e")
	f("web.* app.checkout.* one", "web.a app.checkout.b one", "app.check two app.checkout")
	f("", "", "a web.load")

	if !Patterns(nil).Match([]byte("any.name")) {
		t.Error("a nil list does not match a name")
	}
	if p := parsePatterns(t); p == nil || p.Match([]byte("any.name")) {
		t.Error("an empty list matches a name")
	}
}

func TestParsePatternsRejectsBadPatterns(t *testing.T) {
	f := func(pattern, want string) {
		t.Helper()
		p, err := ParsePatterns([]string{"good", pattern})
		if err == nil || p != nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("%q: %q, %v, want an error with %q", pattern, p, err, want)
		}
	}
	f("", "is empty")
	f("web.*,app.*", `reserved character ','`)
	for _, r := range reservedChars {
		f("a"+string(r)+"*", "reserved character")
	}
	for _, r := range `?[]{}\^$` {
		f("a"+string(r)+"*", `contains '`)
	}
	f("web.[a-z]", `pattern "web.[a-z]" contains '[', which patterns do not support: only * is special`)
	f("a\n*", "control character U+000A")
	f("a\x00", "control character U+0000")
	f("a b", "blank")
	f("web.?", `contains '?'`)
	f("web.[a-z]*", `contains '['`)
	f("a]", `contains ']'`)
	f("*\t", "blank")
	f("a\u00a0*", "blank")
	f("\xff*", "UTF-8")
	f(strings.Repeat("a", 256), "longer than 255")
	parsePatterns(t, strings.Repeat("a", 255))

	if _, err := ParsePatterns(slices.Repeat([]string{"a"}, 129)); err == nil || !strings.Contains(err.Error(), "129") {
		t.Errorf("129 patterns: %v", err)
	}
	parsePatterns(t, slices.Repeat([]string{"a"}, 128)...)
}

func TestCheckPrefixRejectsBadPrefixes(t *testing.T) {
	f := func(prefix, want string) {
		t.Helper()
		if err := CheckPrefix(prefix); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", prefix, err, want)
		}
	}
	f("a:b", `"a:b" contains the reserved character ':'`)
	f("a\nb", "control character")
	f("\xff", "UTF-8")
	f(strings.Repeat("a", 255), "no room")
	for _, prefix := range []string{"", "shop", "shop.", "a b", "größe", strings.Repeat("a", 254)} {
		if err := CheckPrefix(prefix); err != nil {
			t.Error(err)
		}
	}
}

// FuzzMatch compares Match with a regular expression.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"web.*", "web.load"}, {"a*b*c", "abcbc"}, {"*ab*ab*", "xabyab"}, {"**", ""}, {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaa"},
		{"a", "a"}, {"a*a", "a"}, {"*é", "xé"}, {"a.c", "abc"}, {"*aab*", "aaab"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		p, err := ParsePatterns([]string{pattern})
		if err != nil || !utf8.ValidString(name) {
			return
		}
		expression := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`)
		want := regexp.MustCompile(`(?s)^` + expression + `$`).MatchString(name)
		if got := p.Match([]byte(name)); got != want {
			t.Fatalf("%q matches %q: %v, want %v", pattern, name, got, want)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	name := bytes.Repeat([]byte("a"), MaxName)
	for _, pattern := range []string{"web.*", "*b", strings.Repeat("*a", 120) + "*b*", "*" + strings.Repeat("a", 120) + "b*"} {
		p := parsePatterns(b, pattern)
		b.Run(pattern[:min(len(pattern), 10)], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Match(name)
			}
		})
	}
}
