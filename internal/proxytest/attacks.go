package proxytest

import "strings"

// Attack is the bytes of a connection that must not make the proxy send anything.
type Attack struct {
	Name, Bytes string
	Status      int // of the only response
}

// Smuggled is a request that the proxy must not find after or in another one.
const Smuggled = "POST /count/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

// Attacks are sent with Smuggled after each.
var Attacks = func() (all []Attack) {
	add := func(status int, name, bytes string) { all = append(all, Attack{name, bytes, status}) }
	bad := func(name, bytes string) { add(400, name, bytes) }
	// post returns a request with more header fields and a body.
	post := func(body string, lines ...string) string {
		return "POST /count/k HTTP/1.1\r\nHost: h\r\n" + strings.Join(append(lines, "\r\n"), "\r\n") + body
	}
	const chunks = "7\r\nvalue=1\r\n0\r\n\r\n"

	bad("length and chunks", post(chunks, "Content-Length: 7", "Transfer-Encoding: chunked"))
	bad("chunks and length", post(chunks, "transfer-encoding: CHUNKED", "CONTENT-LENGTH: 7"))
	bad("no length and chunks", post(chunks, "Content-Length: 0", "Transfer-Encoding: chunked"))
	bad("length and chunks in HTTP/1.0", "POST /count/k HTTP/1.0\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks)
	bad("length and identity", post("value=1", "Content-Length: 7", "Transfer-Encoding: identity"))
	for _, length := range []string{"5, 5", "5, 6", "5,5", "+7", "-7", "", "7 7", "0x7", "7h", "7.0", "1e1", "99999999999999999999", "18446744073709551623", "9223372036854775808", "\v7", "'7'"} {
		bad("length "+length, post("value=1", "Content-Length: "+length))
	}
	bad("two lengths", post("value=1", "Content-Length: 7", "Content-Length: 8"))
	bad("the same length twice", post("value=1", "Content-Length: 7", "content-length: 7"))
	for _, coding := range []string{"chunked, chunked", "chunked;q=1", "\"chunked\"", "", "\vchunked", "chunked\x00", "chunked,", ", chunked", "gzip, chunked,", "gzip chunked"} {
		bad("coding "+coding, post(chunks, "Transfer-Encoding: "+coding))
	}
	for _, coding := range []string{"identity", "xchunked", "gzip, chunked", "chunked, identity", "chunke", "gzip;q=1"} {
		add(501, "coding "+coding, post(chunks, "Transfer-Encoding: "+coding))
	}
	bad("chunked twice", post(chunks, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"))
	add(501, "chunked, then identity", post(chunks, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"))
	bad("chunks in HTTP/1.0", "POST /count/k HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks)

	for _, line := range []string{
		"POST /count/k", "POST /count/k ", "POST  /count/k HTTP/1.1", "POST /count/k  HTTP/1.1", " POST /count/k HTTP/1.1",
		"POST\t/count/k\tHTTP/1.1", "POST /count/k\tHTTP/1.1", "POST /count/a\tb HTTP/1.1", "POST /count/a b HTTP/1.1", "/count/k HTTP/1.1", " /count/k HTTP/1.1",
		"POST /count/k HTTP/1.1 ", "POST HTTP/1.1", "POST", "P\x00ST /count/k HTTP/1.1", "PO(ST /count/k HTTP/1.1", "POST: /count/k HTTP/1.1",
		"POST /count/a\x00b HTTP/1.1", "POST /count/a\x01b HTTP/1.1", "POST /count/a\x7fb HTTP/1.1", "POST /count/a\rb HTTP/1.1", "POST /count/k HTTP/1.1\r", "POST count/k HTTP/1.1",
		"POST /count/k http/1.1", "POST /count/k HTTP/1.10", "POST /count/k HTTP/01.1",
		"POST /count/k HTTP/1", "POST /count/k HTTP/1,1", "POST /count/k HTTPS/1.1", "POST /count/k ICY/1.1", "POST /count/k HTTP/1.1\x00",
	} {
		bad("line "+line, line+"\r\nHost: h\r\n\r\n")
	}
	// HAProxy finds no path in some of these targets.
	for _, target := range []string{
		"*", "*://y/count/k", "*x://y/count/k", "*:///count/k", "*/b://z/count/k", "1://y/count/k", ":///count/k", "ftp://y/count/k",
		"http:///count/k", "http://y\\/count/k", "http://y#/count/k", "http://u@y/count/k", "http://y:99999/count/k", "http://[::1/count/k",
	} {
		bad("target "+target, "POST "+target+" HTTP/1.1\r\nHost: h\r\n\r\n")
	}
	bad("host beyond ASCII", "POST /count/k HTTP/1.1\r\nHost: \xc3\xa4.example\r\n\r\n")
	for _, line := range []string{"POST /count/k HTTP/9.9", "POST /count/k HTTP/2.0", "POST /count/k HTTP/0.9", "PRI * HTTP/2.0"} {
		add(505, "line "+line, line+"\r\nHost: h\r\n\r\n")
	}
	bad("bare line feeds", "POST /count/k HTTP/1.1\nHost: h\n\n")
	bad("bare line feed in the first line", "POST /count/k HTTP/1.1\nHost: h\r\n\r\n")
	bad("bare line feed in a header", post("", "X: a\nContent-Length: 100"))
	bad("bare line feeds at the end", "POST /count/k HTTP/1.1\r\nHost: h\n\n")
	bad("bare carriage returns", "POST /count/k HTTP/1.1\rHost: h\r\r\n\r\n")

	for _, header := range []string{
		"Content-Length : 7", "Content-Length\t: 7", "Content-Length\v: 7", " Content-Length: 7", "\tContent-Length: 7", "Content Length: 7", "X y: z", "X: a\r\n folded", "X: a\r\n\tfolded", "X:\r\n chunked",
		"Transfer-Encoding:\r\n chunked", "Transfer-Encoding : chunked", "Transfer-Encoding\x00: chunked", "X\x00: y", "X(: y", "X/y: z", "X\xc3\xa4: y", "X\"y: z", "X;y: z", ": y", ":", "X", "X y",
		"X: a\x00b", "X: a\rb", "X: a\x01b", "X: a\x0bb", "X: a\x1bb", "X: a\x7fb", "X: a\r\r\n\r\n", "\r: y", "Origin: \x00", "X: a\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		bad("header "+header, post("value=1", header))
	}
	bad("folded first header", "POST /count/k HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n")
	bad("two hosts", post("", "Host: other"))
	bad("the same host twice", post("", "host: h"))
	bad("no host", "POST /count/k HTTP/1.1\r\n\r\n")
	bad("host in UTF-8", "POST /count/k HTTP/1.1\r\nHost: \xc3\xa4.example\r\n\r\n")
	bad("two hosts in HTTP/1.0", "POST /count/k HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n")

	for _, body := range []string{
		"x\r\n", "\r\n", "-1\r\n", "+7\r\nvalue=1\r\n0\r\n\r\n", "0x7\r\nvalue=1\r\n0\r\n\r\n", " 7\r\nvalue=1\r\n0\r\n\r\n", "7 \r\nvalue=1\r\n0\r\n\r\n", "7\t\r\nvalue=1\r\n0\r\n\r\n", "7\nvalue=1\r\n0\r\n\r\n",
		"7\rvalue=1\r\n0\r\n\r\n", "7\r\nvalue=1\n0\r\n\r\n", "7\r\nvalue=1\r0\r\n\r\n", "7\r\nvalue=10\r\n\r\n", "6\r\nvalue=1\r\n0\r\n\r\n", "8\r\nvalue=1\r\n0\r\n\r\n", "7\r\nvalue=1\r\n0\n\r\n", "7\r\nvalue=1\r\n0\r\n\n",
		"ffffffffffffffff\r\n", "10000000000000007\r\nvalue=1\r\n0\r\n\r\n", "7fffffffffffffff\r\n", "000000000000000000007\r\nvalue=1\r\n0\r\n\r\n", "7;a\nb\r\nvalue=1\r\n0\r\n\r\n", "7;a\x00\r\nvalue=1\r\n0\r\n\r\n",
		"7,7\r\nvalue=1\r\n0\r\n\r\n", "7;" + strings.Repeat("x", 20<<10) + "\r\nvalue=1\r\n0\r\n\r\n",
		strings.Repeat("1;"+strings.Repeat("x", 200)+"\r\nv\r\n", 100) + "0\r\n\r\n",
		"7\r\nvalue=1\r\n0\r\nContent-Length: 7\r\n\r\n", "7\r\nvalue=1\r\n0\r\ntransfer-encoding: chunked\r\n\r\n", "7\r\nvalue=1\r\n0\r\nHost: other\r\n\r\n", "7\r\nvalue=1\r\n0\r\nX : y\r\n\r\n", "7\r\nvalue=1\r\n0\r\nX: y\r\n folded\r\n\r\n",
		"7\r\nvalue=1\r\n0\r\nX\r\n\r\n", "7\r\nvalue=1\r\n0\r\n: y\r\n\r\n", "7\r\nvalue=1\r\n0\r\nX: a\x00\r\n\r\n", "7\r\nvalue=1\r\n0\r\nX: y\n\r\n", "7\r\nvalue=1\r\n0\r\nGET /heartbeat HTTP/1.1\r\n\r\n",
		"7\r\nvalue=1\r\n0\r\n" + strings.Repeat("X: y\r\n", 4000) + "\r\n", "7\r\nvalue=1\r\n0\r\nX: " + strings.Repeat("y", 20<<10) + "\r\n\r\n",
	} {
		bad("chunks "+body, post(body, "Transfer-Encoding: chunked"))
	}
	// A parser that cuts the size off takes the data for trailers.
	bad("chunks of a long size", post("00000000000000010\r\nX: y\r\n\r\n", "Transfer-Encoding: chunked"))
	bad("chunks of a long size with an extension", post("00000000000000010;a\r\nX: y\r\n\r\n", "Transfer-Encoding: chunked"))
	bad("chunks of a size that is one digit too long", post("000000007\r\nvalue=1\r\n0\r\n\r\n", "Transfer-Encoding: chunked"))
	add(413, "chunk too large", post("fffffff\r\n", "Transfer-Encoding: chunked"))
	add(413, "length too large", post("value=1", "Content-Length: 9223372036854775807"))
	add(431, "headers too long", post("", strings.Repeat("X: y\r\n", 3000)+"Y: z"))
	add(414, "target too long", "POST /count/"+strings.Repeat("x", 17<<10)+" HTTP/1.1\r\n")
	add(417, "unknown expectation", post("value=1", "Content-Length: 7", "Expect: other"))
	add(417, "one more expectation", post("value=1", "Content-Length: 7", "Expect: 100-continue, other"))
	add(417, "another expectation", post("value=1", "Content-Length: 7", "Expect: 100-continue", "Expect: other"))
	add(413, "large body expecting", post("value=1", "Content-Length: 100000000", "Expect: 100-continue"))
	add(415, "bad type expecting", post("value=1", "Content-Length: 7", "Content-Type: text/xml", "Expect: 100-continue"))
	add(415, "bad encoding expecting", post("value=1", "Transfer-Encoding: chunked", "Content-Encoding: br", "Expect: 100-continue"))
	return all
}()
