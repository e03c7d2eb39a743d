package exchange

// tokenBytes holds the bytes of methods and field names: tchar in RFC 9110, section
// 5.6.2.
var tokenBytes = func() (table [256]bool) {
	const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, b := range []byte(alphanumeric + "!#$%&'*+-.^_`|~") {
		table[b] = true
	}
	return table
}()

// IsToken reports whether text is a token: a method or a field name.
func IsToken(text []byte) bool { return len(text) > 0 && TokenLength(text) == len(text) }

// TokenLength returns the length of the token at the front of text.
func TokenLength(text []byte) int {
	for i, b := range text {
		if !tokenBytes[b] {
			return i
		}
	}
	return len(text)
}
