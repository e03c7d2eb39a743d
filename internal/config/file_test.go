package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writeFile returns the path of a new file with the given text.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "proxy.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLinesOfFilesAreRead(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		settings, err := readFile(writeFile(t, text), options)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		var got []string
		for _, s := range settings {
			got = append(got, s.option.name+"="+s.text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	f("")
	f("# a comment\n\n \t\n#http-port 1\n")
	f("http-port 8825", "http-port=8825")
	f("http-port 1\nhttp-port 2\n", "http-port=1", "http-port=2")
	f("\ufeffhttp-port 8825\n", "http-port=8825")
	f(" \thttp-port \t 8825 \r\n", "http-port=8825")
	f("http-port=8825", "http-port=8825")
	f("http-port = 8825", "http-port=8825")
	f("--http-port=8825\n-http-port 8826", "http-port=8825", "http-port=8826")
	f("verbose\nverbose false\nverbose=true", "verbose=true", "verbose=false", "verbose=true")
	f("tags a=1\ntags = b=2", "tags=a=1", "tags=b=2")
	f("jwt-secret a b", "jwt-secret=a b")
	f("jwt-secret =a=", "jwt-secret=a=")
	f(`jwt-secret " a # ' "`, "jwt-secret= a # ' ")
	f(`jwt-secret="a\"b\\c"`, `jwt-secret=a"b\c`)
	f(`jwt-secret a\b`, `jwt-secret=a\b`)
	f("metric-prefix =", "metric-prefix=")
	f(`metric-prefix ""`, "metric-prefix=")
}

func TestErrorsNameFileAndLine(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		file := writeFile(t, "# hidden\n\n"+line+"\n")
		_, err := Parse([]string{"--config=" + file})
		if err == nil || !strings.HasPrefix(err.Error(), file+":3: "+want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: error %v, want %s:3: %s", line, err, file, want)
		}
	}
	f("nonsense 1", `unknown option "nonsense"`)
	f("nonsense", `unknown option "nonsense"`)
	f("htp-port 80", `unknown option "htp-port" (did you mean http-port?)`)
	f("http_port 80", "the line does not start with the name of an option (did you mean http-port?")
	f("HTTP-Port 80", "the line does not start with the name of an option (did you mean http-port?")
	f("http-port: 80", "the line does not start with the name of an option (did you mean http-port?")
	f(`"http-port": 80,`, "the line does not start with the name of an option (did you mean http-port?")
	f("STATSD_HTTP_PROXY_JWT_SECRET=hidden", "the line does not start with the name of an option (did you mean jwt-secret?")
	f("tags "+strings.Repeat("x", 1<<16), "the line is longer than 65536 bytes")
	f("[http]", "the line does not start with the name of an option")
	f("hiddenSecret1+/==", "the line does not start with the name of an option")
	f("= 1", "the line does not start with the name of an option")
	f("http-port", "http-port has no value")
	f("jwt-secret", "jwt-secret has no value") // not the secret "true"
	f("http-port x", `invalid http-port "x": want a number from 0 to 65535`)
	f("http-port 80 # a comment", "invalid value of http-port: a value with #")
	f("jwt-secret hidden # a comment", "invalid value of jwt-secret: a value with #")
	f("jwt-secret #hidden", "invalid value of jwt-secret: a value with #")
	f("jwt-secret 'hidden'", "invalid value of jwt-secret: a value with #, '")
	f(`jwt-secret hid"den`, "invalid value of jwt-secret: a value with #, '")
	f(`jwt-secret "hidden" # a comment`, "invalid value of jwt-secret: there is text after the closing quote")
	f(`jwt-secret "hidden`, "invalid value of jwt-secret: the closing quote is missing")
	f(`jwt-secret "hidden\"`, "invalid value of jwt-secret: the closing quote is missing")
	f(`jwt-secret "hidden\n"`, `invalid value of jwt-secret: in double quotes, write \\ for a backslash`)
	f(`jwt-secret "hidden\`, `invalid value of jwt-secret: in double quotes, write \\ for a backslash`)
	f("verbose maybe", `invalid verbose "maybe": want true or false`)
	f("version", "version can only be given on the command line")
	f("config other.conf", "a configuration file cannot name another one")
	f("help true", "help can only be given on the command line")
}

func TestFilesInUTF16AreErrors(t *testing.T) {
	for _, text := range []string{"\xff\xfeh\x00", "\xfe\xff\x00h"} {
		file := writeFile(t, text)
		if _, err := Parse([]string{"--config=" + file}); err == nil || err.Error() != file+" is text in UTF-16: save it as UTF-8" {
			t.Errorf("%q: error %v, want one about UTF-16", text, err)
		}
	}
}

func TestChangesOfTheFileAreFound(t *testing.T) {
	file := writeFile(t, "http-port 1\ntags a=1\nmetric-prefix p\n")
	args := []string{"--config=" + file, "--metric-prefix=q"}
	c, err := Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	f := func(text string, want ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Changes(c, args); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	f("http-port 1\ntags a=1\nmetric-prefix p\n")
	f("metric-prefix r\ntags a=1\nhttp-port 1\n") // a flag overrides the prefix
	f("http-port 2\ntags a=1\ntags b=2\nverbose\n", "--http-port", "--tags", "--verbose")
	f("", "--http-port", "--tags")
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Changes(c, args); err == nil {
		t.Error("a bad file: no error")
	}
}
