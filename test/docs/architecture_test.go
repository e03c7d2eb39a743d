package docs

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

var (
	// stepRow matches a step of the path of a request: its files and its functions.
	//
	//	| 2 | `transport/conn.go`, `arrived.go` | `conn.serve`, `await` | waits |
	stepRow = regexp.MustCompile(`(?m)^\| \d+ \| ([^|]+) \| ([^|]+) \|.*$`)

	// tableOfFiles matches a table of the files of a package, and filesRow a row of it.
	tableOfFiles = regexp.MustCompile("(?m)^\\| file in `(\\w+)` \\|.*\n(?:\\|.*\n)+")
	filesRow     = regexp.MustCompile("(?m)^\\| (`\\w+\\.go`[^|]*) \\|")

	// codeText matches a span of code, and its text.
	codeText = regexp.MustCompile("`([^`]+)`")
)

func TestStepsOfARequestAreInTheirFiles(t *testing.T) {
	t.Parallel()
	steps := stepRow.FindAllStringSubmatch(testutil.ReadFile(t, "docs/architecture.md"), -1)
	if len(steps) < 10 {
		t.Fatalf("steps: got %d, want at least 10", len(steps))
	}
	for _, step := range steps {
		var code strings.Builder
		directory := ""
		for _, file := range codeText.FindAllStringSubmatch(step[1], -1) {
			if d := path.Dir(file[1]); d != "." {
				directory = d
			}
			if path.Ext(file[1]) != ".go" { // a package, whose methods are in several files
				continue
			}
			code.WriteString(testutil.ReadFile(t, path.Join("internal", directory, path.Base(file[1]))))
		}
		if code.Len() == 0 {
			continue
		}
		for _, function := range codeText.FindAllStringSubmatch(step[2], -1) {
			last := function[1][strings.LastIndexByte(function[1], '.')+1:]
			if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + last + `\(`).MatchString(code.String()) {
				t.Errorf("docs/architecture.md: there is no %s in %s", function[1], step[1])
			}
		}
	}
}

func TestFilesOfPackagesExist(t *testing.T) {
	t.Parallel()
	tables := tableOfFiles.FindAllStringSubmatch(testutil.ReadFile(t, "docs/architecture.md"), -1)
	if len(tables) < 2 {
		t.Fatalf("tables of files: got %d, want at least 2", len(tables))
	}
	for _, table := range tables {
		for _, row := range filesRow.FindAllStringSubmatch(table[0], -1) {
			for _, file := range codeText.FindAllStringSubmatch(row[1], -1) {
				at := path.Join("internal", table[1], file[1])
				if _, err := os.Stat(testutil.Path(at)); err != nil {
					t.Errorf("docs/architecture.md names %s, but there is no such file", at)
				}
			}
		}
	}
}
