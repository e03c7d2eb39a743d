package config

import (
	"slices"
	"strings"
)

// maxSuggestions is the number of options that an error suggests.
const maxSuggestions = 3

// suggest returns a question such as " (did you mean --http-port?)" for the
// options whose names are most like an unknown name, or "" if there are none.
// write returns how an option is shown.
func suggest(name string, groups []group, write func(*option) string) string {
	name = strings.ToLower(name)
	maxDistance := max(2, len(name)/4)
	var found []string
	for _, g := range groups {
		for i := range g.options {
			o := &g.options[i]
			switch d := distance(name, o.name); {
			case d < maxDistance:
				maxDistance = d
				found = []string{write(o)}
			case d == maxDistance:
				found = append(found, write(o))
			}
		}
	}
	add := func(matches func(option, name string) bool) {
		for _, g := range groups {
			for i := range g.options {
				if o := &g.options[i]; len(name) > 2 && matches(o.name, name) {
					found = append(found, write(o))
				}
			}
		}
	}
	if closest := found; maxDistance > 1 { // --exp for --expires
		found = nil
		if add(strings.HasPrefix); len(found) == 0 {
			found = closest
		}
	}
	if len(found) == 0 { // --port for --http-port
		add(containsWords)
	}
	if len(found) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(found[:min(len(found), maxSuggestions)], " or ") + "?)"
}

// containsWords reports whether a name contains all words of another, which are
// separated by dashes.
func containsWords(name, words string) bool {
	of := strings.Split(name, "-")
	for word := range strings.SplitSeq(words, "-") {
		if !slices.Contains(of, word) {
			return false
		}
	}
	return true
}

// distance returns the number of bytes to insert, delete or replace to turn one
// string into the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // row[j] is the distance of a[:i] and b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
