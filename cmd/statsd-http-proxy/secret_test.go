package main

import (
	"regexp"
	"testing"
)

func TestSecretsDiffer(t *testing.T) {
	form := regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{42}$`)
	seen := make(map[string]bool)
	for range 1000 {
		secret := newSecret()
		if !form.MatchString(secret) || seen[secret] {
			t.Fatalf("got %q, want a new text of the form %s", secret, form)
		}
		seen[secret] = true
	}
}
