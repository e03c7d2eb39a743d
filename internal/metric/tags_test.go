package metric

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTagsAreSorted(t *testing.T) {
	f := func(options Options, tags, want string) {
		t.Helper()
		e := newTestEncoder(t, options)
		if got, err := appendOne(e, Metric{Name: []byte("k"), Tags: pairs(tags)}, nil); err != nil || got != want {
			t.Errorf("%+v: the tags %q become %q, %v, want %q", options, tags, got, err, want)
		}
	}
	f(Options{}, "b=1,a=2", "k,a=2,b=1:0|c")
	f(Options{}, "ab=1,a=2,b=3,A=4", "k,A=4,a=2,ab=1,b=3:0|c")
	f(Options{}, "a b=1,aZb=2", "k,aZb=2,a_b=1:0|c") // sorted as written: a_b is after aZb
	f(Options{}, "aé=1,a~=2,az=3", "k,az=3,a~=2,aé=1:0|c")
	f(Options{Lowercase: true}, "B=1,a=2,C=3", "k,a=2,b=1,c=3:0|c")
	f(Options{}, "b=1,a=,c=3", "k,b=1,c=3:0|c")
	f(Options{}, "a=", "k:0|c")
	f(Options{TagFormat: "dogstatsd"}, "a=", "k:0|c")
	f(Options{TagFormat: "dogstatsd"}, "b=1,a=2", "k:0|c|#a:2,b:1")
	f(Options{Tags: pairs("d=4,b=2,f=6")}, "e=5,a=1,c=3,g=7", "k,a=1,b=2,c=3,d=4,e=5,f=6,g=7:0|c")
	f(Options{Tags: pairs("d=4,b=2")}, "", "k,b=2,d=4:0|c")
	f(Options{Tags: pairs("d=4,b=2")}, "b=,d=0", "k,b=2,d=0:0|c")

	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("k%03d=1", i))
	}
	sorted := "k," + strings.Join(many, ",") + ":0|c"
	slices.Reverse(many)
	e, err := NewEncoder(Options{MaxLine: 8192})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := appendOne(e, Metric{Name: []byte("k"), Tags: pairs(strings.Join(many, ","))}, nil); err != nil || got != sorted {
		t.Errorf("300 tags become %q, %v", got, err)
	}
}

func TestKeysMustBeDistinct(t *testing.T) {
	e := newTestEncoder(t, Options{})
	for _, tags := range []string{"a=1,a=2", "a=1,b=2,a=3", "a=1,a=", "a=,a=1", "a=,a=", "b=1,a=2,b=", "a b=1,c=2,a_b=3", "a\u00a0b=1,a_b=2"} {
		if got, err := appendOne(e, Metric{Name: []byte("k"), Tags: pairs(tags)}, nil); err == nil || !strings.Contains(err.Error(), "is given twice") {
			t.Errorf("the tags %q become %q, %v", tags, got, err)
		}
	}
	if _, err := appendOne(e, Metric{Name: []byte("k"), Tags: []Tag{tag("", "")}}, nil); err == nil || !strings.Contains(err.Error(), "has no key") {
		t.Errorf("an empty tag: %v", err)
	}
}

func TestBareTags(t *testing.T) {
	f := func(format, want string) {
		t.Helper()
		m := Metric{Name: []byte("k"), Tags: []Tag{BareTag([]byte("urgent")), tag("env", "prod")}}
		if got, err := appendOne(newTestEncoder(t, Options{TagFormat: format}), m, nil); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", format, got, err, want)
		}
	}
	f("dogstatsd", "k:0|c|#env:prod,urgent")
	f("influxdb", "k,env=prod,urgent=true:0|c")
	f("graphite", "k;env=prod;urgent=true:0|c")

	m := Metric{Name: []byte("k"), Tags: []Tag{tag("urgent", "true"), tag("zero", "tru")}}
	if got, err := appendOne(newTestEncoder(t, Options{TagFormat: "dogstatsd"}), m, nil); err != nil || got != "k:0|c|#urgent:true,zero:tru" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTagKeysOfWrittenLines(t *testing.T) {
	tags := []Tag{tag("a", "1"), BareTag([]byte("bare")), tag("b", "2")}
	for i := range tagFormats {
		e := newTestEncoder(t, Options{TagFormat: tagFormats[i].name, Prefix: "pre", Tags: pairs("z=9")})
		f := func(m Metric, want string) {
			t.Helper()
			w, err := e.Append(new(Lines), &m, nil)
			if err != nil {
				t.Fatal(err)
			}
			if w.Kind != m.Kind || string(w.BareName()) != "pre.k" {
				t.Errorf("%s: wrote a %s called %q", e.format.name, w.Kind, w.BareName())
			}
			var got []string
			for keys := e.TagKeys(&w); ; {
				rest := string(keys.Rest())
				key, ok := keys.Next()
				if !ok {
					break
				}
				got = append(got, string(key))
				if tag, _, _ := strings.Cut(rest, string(e.format.separator)); !strings.HasPrefix(tag, string(key)) || string(keys.Rest()) != strings.TrimPrefix(strings.TrimPrefix(rest, tag), string(e.format.separator)) {
					t.Errorf("%s: after %q, the rest %q became %q", e.format.name, key, rest, keys.Rest())
				}
			}
			if e.format.isDropped {
				want = ""
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: the keys are %q, want %q", e.format.name, got, want)
			}
		}
		f(Metric{Name: []byte("k"), Tags: tags}, "a b bare z")
		f(Metric{Name: []byte("k")}, "z")
		f(Metric{Kind: Gauge, Name: []byte("k"), Value: num("-1"), Tags: tags[:1]}, "a z")
		m := line(Count, "a=1", "0.5", "1", "2")
		f(m, "a z")
	}
	e := newTestEncoder(t, Options{})
	var w Written
	n := e.AppendFast(&w, new(Lines), []byte("k,a=1,b=2:1|c"), nil)
	keys := e.TagKeys(&w)
	first, _ := keys.Next()
	second, _ := keys.Next()
	if _, more := keys.Next(); n == 0 || string(first) != "a" || string(second) != "b" || more {
		t.Errorf("AppendFast wrote the keys %q and %q", first, second)
	}
}

// FuzzCompare checks that compare orders keys as the encoder writes them.
func FuzzCompare(f *testing.F) {
	f.Add("a", "b", true)
	f.Add("a b", "a_b", false)
	f.Add("a\u00a0 b", "a b", false)
	f.Add("É", "é", true)
	f.Add("[a", "]a", false)
	f.Fuzz(func(t *testing.T, a, b string, lowercase bool) {
		e := newTestEncoder(t, Options{Lowercase: lowercase})
		writtenA, errA := e.keys.append(nil, []byte(a))
		writtenB, errB := e.keys.append(nil, []byte(b))
		if errA != nil || errB != nil {
			return
		}
		got, want := e.keys.compare([]byte(a), []byte(b)), bytes.Compare(writtenA, writtenB)
		if max(-1, min(got, 1)) != want {
			t.Fatalf("compare(%q, %q) = %d, want %d", a, b, got, want)
		}
	})
}
