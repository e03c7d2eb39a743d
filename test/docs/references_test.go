package docs

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"statsd-http-proxy/internal/testutil"
)

var (
	// link matches [text](target) and ![text](target). The text may have line feeds.
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// heading matches a heading.
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
	// codeSpan matches a span of code.
	codeSpan = regexp.MustCompile("`[^`]*`")
)

// anchors returns the anchors that GitHub gives to the headings of a page: the text in
// lower case, without punctuation, with a dash for each blank. A repeated heading gets
// a number.
func anchors(p page) map[string]bool {
	all := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(p.prose, -1) {
		text := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(match[1], "$1")
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(text))
		for i, base := 1, anchor; all[anchor]; i++ {
			anchor = base + "-" + string(rune('0'+i))
		}
		all[anchor] = true
	}
	return all
}

func TestLinksLeadToFilesAndHeadings(t *testing.T) {
	t.Parallel()
	all := pages(t)
	byName := map[string]page{}
	for _, p := range all {
		byName[p.name] = p
	}
	count := 0
	for _, p := range all {
		for _, match := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(p.prose, ""), -1) {
			target := match[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			count++
			file, anchor, hasAnchor := strings.Cut(target, "#")
			name := p.name
			if file != "" {
				name = path.Join(path.Dir(p.name), file)
			}
			if _, err := os.Stat(testutil.Path(name)); err != nil {
				t.Errorf("%s links to %s, but there is no file %s", p.name, target, name)
				continue
			}
			if hasAnchor && !anchors(byName[name])[anchor] {
				t.Errorf("%s links to %s, but %s has no such heading", p.name, target, name)
			}
		}
	}
	if count < 5 {
		t.Errorf("links between files: got %d, want at least 5", count)
	}
}

func TestAnchorsAreThoseOfGitHub(t *testing.T) {
	p := parse("a.md", "# One `two`: [three](x.md)!\n## Größe_4 – 5\n## Same\n## Same\n")
	for _, want := range []string{"one-two-three", "größe_4--5", "same", "same-1"} {
		if !anchors(p)[want] {
			t.Errorf("anchors: got %v, want %s among them", anchors(p), want)
		}
	}
}

var (
	testName     = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w*)`")
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
)

// SECURITY.md names a test for each of its claims.
func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	err := filepath.WalkDir(testutil.Root(), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "node_modules":
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		code, err := os.ReadFile(path)
		for _, match := range testFunction.FindAllSubmatch(code, -1) {
			known[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	inSecurity := 0
	for _, p := range pages(t) {
		for _, match := range testName.FindAllStringSubmatch(p.prose, -1) {
			if p.name == "SECURITY.md" {
				inSecurity++
			}
			if !known[match[1]] {
				t.Errorf("%s names %s, but there is no such test", p.name, match[1])
			}
		}
	}
	if inSecurity < 10 {
		t.Errorf("tests that SECURITY.md names: got %d, want at least 10", inSecurity)
	}
}

var (
	makeCall   = regexp.MustCompile(`\bmake ([a-z][a-z0-9-]*)`)
	makeTarget = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// TestNamedMakeTargetsExist also checks that make help lists them: it left out names with
// digits.
func TestNamedMakeTargetsExist(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "make")
	help := exec.Command("make", "--silent", "help")
	help.Dir = testutil.Root()
	listed, err := help.Output()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, match := range makeTarget.FindAllStringSubmatch(testutil.ReadFile(t, "Makefile"), -1) {
		known[match[1]] = true
	}
	for _, p := range pages(t) {
		code := strings.Join(codeSpan.FindAllString(p.prose, -1), "\n")
		for _, b := range p.blocks {
			if b.language == "sh" {
				code += b.code
			}
		}
		for _, match := range makeCall.FindAllStringSubmatch(code, -1) {
			if !known[match[1]] {
				t.Errorf("%s names make %s, but the Makefile has no such target", p.name, match[1])
			}
			if !strings.Contains("\n"+string(listed), "\n"+match[1]+" ") {
				t.Errorf("%s names make %s, but make help does not list it", p.name, match[1])
			}
		}
	}
}
