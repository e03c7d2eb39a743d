//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	f := func(want string, fill func(*table)) {
		t.Helper()
		table := newTable("server", "µs", "note")
		fill(table)
		var got strings.Builder
		if err := table.write(&got); err != nil || got.String() != want {
			t.Errorf("got %v\n%swant\n%s", err, got.String(), want)
		}
	}
	f("| server | µs    |\n| ------ | ----- |\n| empty  | 10.25 |\n| proxy  |       |\n", func(t *table) {
		t.add("empty", "10.25")
		t.add("proxy")
	})
	f("| server | µs | note      |\n| ------ | -- | --------- |\n| a\\|b   | –  | is absent |\n", func(t *table) {
		t.addError(errors.New("is absent\nmore"), "a|b")
	})
}

func TestReplaceGenerated(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	f := func(text, want string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := replaceGenerated(file, []byte("new\n"))
		got, readErr := os.ReadFile(file)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if isError := want == ""; isError != (err != nil) {
			t.Errorf("%q: got error %v", text, err)
		} else if isError {
			want = text
		}
		if string(got) != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	const generated = beginMarker + "\nnew\n\n" + endMarker
	f("# A\n"+beginMarker+"old\n"+endMarker+"end\n", "# A\n"+generated+"end\n")
	f(beginMarker+endMarker, generated)
	f(generated, generated)
	f("# A\n", "")
	f(endMarker+beginMarker, "")
	if err := replaceGenerated(file+".absent", nil); err == nil {
		t.Error("there is no error for a file that does not exist")
	}
}

func TestMachine(t *testing.T) {
	got := machine(2)
	for _, part := range []string{"2 processors (", "), Linux ", ", go"} {
		if !strings.Contains(got, part) {
			t.Errorf("got %q, want %q in it", got, part)
		}
	}
}
