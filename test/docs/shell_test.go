package docs

import (
	"slices"
	"strings"
	"testing"
)

// shellCommand is a command of a block in the language sh.
type shellCommand struct {
	block
	text    string // it may have several lines
	comment string // the text after # at its end
}

// program returns the name of the program, without assignments before it.
func (c shellCommand) program() string {
	for word := range strings.FieldsSeq(c.text) {
		if name, _, isAssignment := strings.Cut(word, "="); !isAssignment || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
			return word
		}
	}
	return ""
}

// shellCommands returns the commands of the blocks in the language sh.
func shellCommands(all []page) (commands []shellCommand) {
	for _, b := range blocksOf(all, "sh") {
		commands = append(commands, splitCommands(b)...)
	}
	return commands
}

// splitCommands splits the code of a block at the ends of its commands: at a line feed
// that is not quoted and has no backslash before it. It knows 'text', "text", $'text',
// backslashes and comments.
func splitCommands(b block) (commands []shellCommand) {
	var text, comment strings.Builder
	end := func() {
		if c := strings.TrimSpace(text.String()); c != "" {
			commands = append(commands, shellCommand{b, c, strings.TrimSpace(comment.String())})
		}
		text.Reset()
		comment.Reset()
	}
	quote, isANSI := byte(0), false
	for i := 0; i < len(b.code); i++ {
		c := b.code[i]
		switch {
		case c == '\\' && (quote != '\'' || isANSI) && i+1 < len(b.code):
			text.WriteByte(c)
			i++
			text.WriteByte(b.code[i])
			continue
		case quote == 0 && (c == '\'' || c == '"'):
			quote, isANSI = c, i > 0 && b.code[i-1] == '$'
		case quote == c:
			quote = 0
		case quote == 0 && c == '#' && (i == 0 || strings.IndexByte(" \t\n", b.code[i-1]) >= 0):
			line, _, _ := strings.Cut(b.code[i+1:], "\n")
			comment.WriteString(line)
			i += len(line)
			continue
		case quote == 0 && c == '\n':
			end()
			continue
		}
		text.WriteByte(c)
	}
	end()
	return commands
}

func TestSplitCommandsFindsCommandsAndComments(t *testing.T) {
	code := "# intro\n" +
		"curl -d 'a#b \"' http://host/a#b # one two\n" +
		"curl -d '[\n 1]' \\\n  http://host # three\n" +
		"A=b curl -d $'it\\'s\\n' \"#\"\n"
	commands := splitCommands(block{code: code})
	var got []string
	for _, c := range commands {
		got = append(got, c.program(), c.text, c.comment)
	}
	want := []string{
		"curl", "curl -d 'a#b \"' http://host/a#b", "one two",
		"curl", "curl -d '[\n 1]' \\\n  http://host", "three",
		"curl", "A=b curl -d $'it\\'s\\n' \"#\"", "",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the commands\ngot  %q\nwant %q", got, want)
	}
}
