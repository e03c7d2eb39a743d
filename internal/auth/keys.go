package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// maxKeys is the maximum number of keys from one source. It is small because a
// token that names no key is verified with each of them.
const maxKeys = 64

// maxKeyFileBytes is the maximum size of a file of secrets or keys.
const maxKeyFileBytes = 1 << 20

// MinSecretBytes is the recommended minimum length of a secret, in bytes (RFC 7518,
// section 3.2). A shorter secret can be guessed from one of its tokens.
const MinSecretBytes = 32

// Sizes of RSA keys, in bits. Shorter keys are too weak (RFC 7518, section 3.3),
// longer ones take too long to verify.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// The algorithms of each kind of key. A key verifies no other algorithms, so
// that a public key is never used as a secret. All other algorithms are
// rejected.
var (
	hmacMethods  = []string{"HS256", "HS384", "HS512"}
	rsaMethods   = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	curveMethods = map[elliptic.Curve][]string{
		elliptic.P256(): {"ES256"},
		elliptic.P384(): {"ES384"},
		elliptic.P521(): {"ES512"},
	}
	ed25519Methods = []string{edDSA}
	allMethods     = slices.Concat(hmacMethods, rsaMethods, []string{"ES256", "ES384", "ES512"}, ed25519Methods)
)

// The two names of the algorithm for Ed25519 keys. RFC 9864, Fully-Specified Algorithms,
// replaces the first name by the second. Tokens and JWK sets can contain either name;
// key.methods contains the first.
const (
	edDSA               = "EdDSA"   // RFC 8037
	edDSAFullySpecified = "Ed25519" // RFC 9864
)

func init() {
	jwt.RegisterSigningMethod(edDSAFullySpecified, func() jwt.SigningMethod { return jwt.SigningMethodEdDSA })
}

// key verifies signatures.
type key struct {
	id      string   // the kid of its tokens; empty for any
	methods []string // the algorithms that it verifies
	value   any      // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// Keys are the configured secrets and public keys. LoadKeys makes them. They do
// not change afterwards.
type Keys struct {
	keys         []key
	shortSecrets int
}

// ShortSecrets returns the number of secrets shorter than MinSecretBytes.
func (k *Keys) ShortSecrets() int { return k.shortSecrets }

// KeySources are the places that LoadKeys reads keys from. All are optional.
type KeySources struct {
	Secrets       []string // for HMAC; empty ones are ignored
	SecretFile    string   // one secret a line, see ReadSecrets
	PublicKeyFile string   // PEM; lines that start with # are skipped
}

// LoadKeys reads all keys of s. The error contains no part of a secret.
func LoadKeys(s KeySources) (*Keys, error) {
	k := new(Keys)
	for _, secret := range s.Secrets {
		if secret != "" {
			k.addSecret([]byte(secret))
		}
	}
	if s.SecretFile != "" {
		secrets, err := ReadSecrets(s.SecretFile)
		if err != nil {
			return nil, err
		}
		for _, secret := range secrets {
			k.addSecret(secret)
		}
	}
	if s.PublicKeyFile != "" {
		keys, err := readPublicKeys(s.PublicKeyFile)
		if err != nil {
			return nil, fmt.Errorf("read public keys from %q: %w", s.PublicKeyFile, err)
		}
		k.keys = append(k.keys, keys...)
	}
	if len(k.keys) > maxKeys {
		return nil, fmt.Errorf("there are %d secrets and public keys, want at most %d", len(k.keys), maxKeys)
	}
	return k, nil
}

func (k *Keys) addSecret(secret []byte) {
	if len(secret) < MinSecretBytes {
		k.shortSecrets++
	}
	k.keys = append(k.keys, key{methods: hmacMethods, value: secret})
}

// ReadSecrets reads a file of secrets, at most 1 MiB. Each line is one secret,
// without blanks (spaces, tabs, CR) at its ends. Blank lines and lines that start
// with # are skipped, and so is a byte order mark. A file without a secret is an
// error, and so is a file with PEM blocks. The error contains no part of a secret.
func ReadSecrets(file string) ([][]byte, error) {
	secrets, err := readKeyFile(file)
	switch {
	case err != nil:
	case len(secrets) == 0:
		err = errors.New("it contains no secret")
	case slices.ContainsFunc(secrets, func(line []byte) bool { return bytes.HasPrefix(line, pemBegin) }):
		err = errors.New("it contains a PEM block, want one secret a line")
	case slices.ContainsFunc(secrets, func(line []byte) bool { return !isText(line) }):
		err = errors.New("it is no UTF-8 text, want one secret a line")
	}
	if err != nil {
		return nil, fmt.Errorf("read secrets from %q: %w", file, err)
	}
	return secrets, nil
}

// isText reports whether line is UTF-8 without control characters. Files of other
// encodings and of random bytes have lines where nobody expects them.
func isText(line []byte) bool {
	return utf8.Valid(line) && bytes.IndexFunc(line, unicode.IsControl) < 0
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// readKeyFile reads a file of secrets or keys and returns its lines, without
// blanks at their ends. It leaves out blank lines, lines that start with #, and a
// byte order mark. The error does not contain the file's name.
func readKeyFile(name string) (lines [][]byte, err error) {
	text, err := readSmallFile(name)
	if err != nil {
		return nil, err
	}
	for line := range bytes.SplitSeq(bytes.TrimPrefix(text, byteOrderMark), []byte{'\n'}) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// readSmallFile reads a file of at most maxKeyFileBytes. The error does not
// contain the file's name.
func readSmallFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFileBytes+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(text) > maxKeyFileBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", maxKeyFileBytes)
	}
	return text, nil
}

// withoutPath returns the cause of an *os.PathError. The caller's message has
// the path already.
func withoutPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// newPublicKey returns the key for public. It returns an error if the kind or
// the strength of the key is not allowed.
func newPublicKey(public any) (key, error) {
	k := key{value: public}
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return key{}, fmt.Errorf("the RSA key has %d bits, want %d to %d", bits, minRSABits, maxRSABits)
		}
		k.methods = rsaMethods
	case *ecdsa.PublicKey:
		k.methods = curveMethods[public.Curve]
		if k.methods == nil {
			return key{}, fmt.Errorf("the ECDSA key is on the curve %s, want P-256, P-384 or P-521", public.Curve.Params().Name)
		}
	case ed25519.PublicKey:
		k.methods = ed25519Methods
	default:
		return key{}, fmt.Errorf("the key is of type %T, want RSA, ECDSA or Ed25519", public)
	}
	return k, nil
}
