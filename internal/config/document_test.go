package config

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
)

const document = "../../docs/options.md"

var update = flag.Bool("update", false, "write docs/options.md")

// TestDocumentIsUpToDate compares docs/options.md with the table of options.
// With -update it writes the file.
func TestDocumentIsUpToDate(t *testing.T) {
	var want strings.Builder
	if err := writeDocument(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(document, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("%s is stale, run make docs (-want +got):\n%s", document, diff)
	}
}

// TestDocumentedFileIsRead loads the sample of a configuration file.
func TestDocumentedFileIsRead(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(string(text), "\n```\n")
	sample, _, found := strings.Cut(sample, "\n```\n")
	if !found {
		t.Fatalf("%s has no sample", document)
	}
	got, err := Parse([]string{"--config=" + writeFile(t, sample)})
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.HTTPPort, want.MetricPrefix, want.Verbose, want.File = 8825, "web", true, got.File
	want.JWTSecrets = []string{`with # and " in it`}
	want.CORSOrigins = []string{"https://shop.example", "https://*.shop.example"}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// writeDocument writes docs/options.md.
func writeDocument(w io.Writer) error {
	type groupView struct {
		Title   string
		Options []optionView
	}
	var groups []groupView
	for _, g := range options {
		view := groupView{Title: g.title}
		for i := range g.options {
			view.Options = append(view.Options, optionView{&g.options[i]})
		}
		groups = append(groups, view)
	}
	t, err := template.New("options.md.tmpl").
		Funcs(template.FuncMap{"row": row, "markdown": markdown, "lists": lists}).
		ParseFiles("testdata/options.md.tmpl")
	if err != nil {
		return err
	}
	return t.Execute(w, groups)
}

// optionView is an option as the template sees it.
type optionView struct{ option *option }

// choiceView is a choice as the template sees it.
type choiceView struct{ Word, Help string }

func (o optionView) Flag() string { return o.option.flag() }

func (o optionView) Choices() (views []choiceView) {
	for _, c := range o.option.choices {
		views = append(views, choiceView{c.word, c.help})
	}
	return views
}

// row returns the row of an option in the table of its group.
func row(view optionView) string {
	o := view.option
	flag, preset, mark := o.flag(), "", ""
	if !o.kind.isSwitch {
		flag += "=" + o.kind.name
	}
	if o.preset != "" {
		preset = "`" + o.preset + "`"
	}
	if o.rejectsEmpty {
		mark = " †"
	}
	return fmt.Sprintf("| `%s`%s | %s | %s |", flag, mark, markdown(o.help), preset)
}

// lists returns the names of the options that are lists.
func lists() string {
	var names []string
	for _, g := range options {
		for _, o := range g.options {
			if o.kind.isList {
				names = append(names, "`"+o.flag()+"`")
			}
		}
	}
	return strings.Join(names, ", ")
}

// literals are the parts of a help text that are shown as code: options, and
// text in double quotes.
var literals = regexp.MustCompile(`"[^"]*"|--[a-z]+(-[a-z]+)*`)

// markdown returns a help text as a cell of a table.
func markdown(help string) string {
	help = strings.Join(strings.Fields(help), " ")
	help = literals.ReplaceAllStringFunc(help, func(s string) string {
		return "`" + strings.Trim(s, `"`) + "`"
	})
	return strings.ReplaceAll(help, "|", `\|`)
}
