package decode

import (
	"strings"
	"testing"
)

func TestFormIsDecoded(t *testing.T) {
	var d Decoder
	f := func(input, want string) { t.Helper(); accepts(t, decodeBody(&d), input, want) }
	f("", "")
	f("&&", "")
	f("value=1", "value=$1")
	f("value=+5", "value=$ 5")
	f("value=%2B5", "value=$+5")
	f("&value=1&&tags=env%3Dprod%2Clocale%3Den-us&", "value=$1 [env=prod][locale=en-us]")
	f("value=a=b", "value=$a=b")
	f("value", "value=$")
	f("value=1\r\n", "value=$1")
	f("value=1\n\r\n", "value=$1")
	f("\r\n", "")
	f("value=1&tags[env]=prod&tags%5B%20page%5D=+home+", "value=$1 [env=prod][page=home]")
	f("tags[env]=&tags[]=x", "[env=][=x]")
	f("tags=a%3Db&tags[c]=d,e", "[a=b][c=d,e]")
	f("tags=&value=%C3%A9%00+%c3%a9", "value=$é\x00 é")
	f("v%61lue=1", "value=$1")
	f("value=1\r\n\r\n\n\r", "value=$1")
	f("value=\n1", "value=$\n1")
	f("tags[a]", "[a=]")
	f("sampleRate=0.5&time=3&shift=-1", "time=$3 shift=$-1 sampleRate=$0.5")
}

func TestBadFormIsRejected(t *testing.T) {
	var d Decoder
	f := func(input, want string) { t.Helper(); rejects(t, decodeBody(&d), input, want) }
	f("foo=1", `unknown parameter "foo"`)
	f("tags=a", `parameter "tags": "a" is not a key=value pair`)
	f("tags[env=1", `unknown parameter "tags[env"`)
	f("tags[a][b]=1", `unknown parameter "tags[a][b]"`)
	f("tag[a]=1", `unknown parameter "tag[a]"`)
	f("tags[[a]=1", `unknown parameter "tags[[a]"`)
	f("tags[a]]=1", `unknown parameter "tags[a]]"`)
	f("tags]=1", `unknown parameter "tags]"`)
	f("tags[=1", `unknown parameter "tags["`)
	f(strings.Repeat("tags[a]=b&", 401), "there are more than 400")
	f("=1", `unknown parameter ""`)
	f("value=1&token=x", `unknown parameter "token"`)
	f("value=1&value=1", `parameter "value" is given twice`)
	f("tags&tags=a=b", `parameter "tags" is given twice`)
	f("tags=&tags=", `parameter "tags" is given twice`)
	f("value=%", `parameter "value": a percent sign`)
	f("value=%4", "a percent sign")
	f("value=%4g", "a percent sign")
	f("value=%g4", "a percent sign")
	f("%zz=1", `parameter "%zz": a percent sign`)
	f("<value>1</value>", `unknown parameter "<value>1</value>"`)
}
