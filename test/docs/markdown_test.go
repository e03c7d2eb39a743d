package docs

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// page is a Markdown file.
type page struct {
	name   string // path in the module, with slashes
	prose  string // the text without its blocks of code
	blocks []block
}

// block is a fenced block of code.
type block struct {
	page     string
	line     int // of its first line in the page, from 1
	language string
	code     string
}

// untested stands on the line before a block that no test runs.
const untested = "<!-- untested -->"

// pages returns all Markdown files of the module.
func pages(t testing.TB) (all []page) {
	t.Helper()
	err := filepath.WalkDir(testutil.Root(), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".git")):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".md"):
			return nil
		}
		name, err := filepath.Rel(testutil.Root(), path)
		if err == nil {
			name = filepath.ToSlash(name)
			all = append(all, parse(name, testutil.ReadFile(t, name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// manual returns README.md and the files of docs/, which have samples for users.
func manual(t testing.TB) []page {
	t.Helper()
	return slices.DeleteFunc(pages(t), func(p page) bool {
		return p.name != "README.md" && !strings.HasPrefix(p.name, "docs/")
	})
}

// parse splits a Markdown file. It leaves out blocks after an untested comment.
func parse(name, text string) page {
	p := page{name: name}
	var prose strings.Builder
	var open *block
	before := "" // the last line that is not empty
	for i, line := range strings.Split(text, "\n") {
		language, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{page: name, line: i + 2, language: language}
		case isFence:
			if before != untested {
				p.blocks = append(p.blocks, *open)
			}
			open, before = nil, ""
		case open != nil:
			open.code += line + "\n"
		default:
			prose.WriteString(line + "\n")
			if line != "" {
				before = line
			}
		}
	}
	p.prose = prose.String()
	return p
}

// blocksOf returns the blocks of all pages in a language.
func blocksOf(all []page, language string) (blocks []block) {
	for _, p := range all {
		for _, b := range p.blocks {
			if b.language == language {
				blocks = append(blocks, b)
			}
		}
	}
	return blocks
}

func TestParseFindsBlocksAndProse(t *testing.T) {
	got := parse("a.md", "one\n```sh\nls\n```\ntwo\n"+untested+"\n\n```sh\nrm\n```\n```\nplain\n```\nthree\n")
	if want := "one\ntwo\n" + untested + "\n\nthree\n\n"; got.prose != want {
		t.Errorf("the prose: got %q, want %q", got.prose, want)
	}
	want := []block{{"a.md", 3, "sh", "ls\n"}, {"a.md", 12, "", "plain\n"}}
	if !slices.Equal(got.blocks, want) {
		t.Errorf("the blocks: got %v, want %v", got.blocks, want)
	}
}
