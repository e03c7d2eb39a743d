package testutil

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A folder that TEST_FOLDERS does not name is left out of make test.
func TestMakefileNamesEachTestFolder(t *testing.T) {
	line := regexp.MustCompile(`(?m)^TEST_FOLDERS := (.+)$`).FindStringSubmatch(ReadFile(t, "Makefile"))
	if line == nil {
		t.Fatal("the Makefile does not set TEST_FOLDERS")
	}
	named := strings.Fields(line[1])
	files, err := filepath.Glob(Path("test/*/*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("tests in test/: got %q, %v", files, err)
	}
	for _, file := range files {
		if folder := filepath.Base(filepath.Dir(file)); !slices.Contains(named, folder) {
			t.Errorf("TEST_FOLDERS in the Makefile does not name %s", folder)
		}
	}
}

// make test runs tests with the race detector. It runs those that a build tag excludes
// then a second time without it, by a pattern of their names.
func TestMakefileRunsTheTestsThatTheRaceDetectorExcludes(t *testing.T) {
	line := regexp.MustCompile(`(?m)^WITHOUT_RACE = (.+)$`).FindStringSubmatch(ReadFile(t, "Makefile"))
	if line == nil {
		t.Fatal("the Makefile does not set WITHOUT_RACE")
	}
	pattern := regexp.MustCompile(line[1])
	excluded := regexp.MustCompile(`(?m)^//go:build .*!race`)
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	count := 0
	walkTests(t, func(path string, code []byte) {
		if !excluded.Match(code) {
			return
		}
		for _, name := range function.FindAllSubmatch(code, -1) {
			count++
			if !pattern.Match(name[1]) {
				t.Errorf("%s: %s does not match WITHOUT_RACE, %s", path, name[1], pattern)
			}
			if !strings.HasPrefix(path, Path("internal")+"/") {
				t.Errorf("%s: %s is not in internal, where make test runs it", path, name[1])
			}
		}
	})
	if count == 0 {
		t.Error("there are no such tests")
	}
}

// make fuzz runs the targets that the Makefile names, and no others.
func TestMakefileNamesEachFuzzTarget(t *testing.T) {
	var named, found []string
	for _, line := range regexp.MustCompile(`(?m)^\t\$\(FUZZ\) (Fuzz\w+ \./\S+)$`).FindAllStringSubmatch(ReadFile(t, "Makefile"), -1) {
		named = append(named, line[1])
	}
	function := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	walkTests(t, func(path string, code []byte) {
		for _, name := range function.FindAllSubmatch(code, -1) {
			folder, err := filepath.Rel(Root(), filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, string(name[1])+" ./"+filepath.ToSlash(folder))
		}
	})
	slices.Sort(named)
	slices.Sort(found)
	if len(found) == 0 || !slices.Equal(named, found) {
		t.Errorf("make fuzz runs\n%s\nwant\n%s", strings.Join(named, "\n"), strings.Join(found, "\n"))
	}
}

// walkTests calls f with each file of tests in Go.
func walkTests(t *testing.T, f func(path string, code []byte)) {
	t.Helper()
	err := filepath.WalkDir(Root(), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "node_modules":
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		code, err := os.ReadFile(path)
		if err == nil {
			f(path, code)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
