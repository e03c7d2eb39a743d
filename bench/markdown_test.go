//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
