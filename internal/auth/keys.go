package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// maxKeys is how many keys one source may hold: a token that names none is
// tried with each.
const maxKeys = 64

// maxKeyFile is how large a file of keys may be, in bytes.
const maxKeyFile = 1 << 20

// ShortSecret is the length in bytes below which a secret can be guessed from
// one of its tokens (RFC 7518, section 3.2, asks for as much).
const ShortSecret = 32

// The sizes of RSA keys, in bits: below the first they are too weak
// (RFC 7518, section 3.3), above the second a check takes too long.
const (
	minRSA = 2048
	maxRSA = 8192
)

// methods are the algorithms of each kind of key, and all there are for us. A
// key serves no other, so that a public key is never taken for a secret.
var (
	hmacMethods  = []string{"HS256", "HS384", "HS512"}
	rsaMethods   = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	curveMethods = map[elliptic.Curve][]string{
		elliptic.P256(): {"ES256"},
		elliptic.P384(): {"ES384"},
		elliptic.P521(): {"ES512"},
	}
	ed25519Methods = []string{"EdDSA"}
	allMethods     = slices.Concat(hmacMethods, rsaMethods, []string{"ES256", "ES384", "ES512"}, ed25519Methods)
)

// key verifies signatures.
type key struct {
	id      string   // which tokens name it by; empty for any
	methods []string // the algorithms it serves
	value   any      // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// Keys are the keys that an operator has given. They are not changed once they
// are loaded.
type Keys struct {
	keys         []key
	shortSecrets int
}

// ShortSecrets returns how many secrets are shorter than ShortSecret.
func (k *Keys) ShortSecrets() int { return k.shortSecrets }

// KeySources say where keys are. None is required.
type KeySources struct {
	Secrets       []string // of HMAC; an empty one counts as none
	SecretFile    string   // with a secret a line
	PublicKeyFile string   // PEM
}

// LoadKeys reads all keys of s. Its error never repeats a secret.
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
		return nil, fmt.Errorf("%d secrets and public keys are more than %d", len(k.keys), maxKeys)
	}
	return k, nil
}

func (k *Keys) addSecret(secret []byte) {
	if len(secret) < ShortSecret {
		k.shortSecrets++
	}
	k.keys = append(k.keys, key{methods: hmacMethods, value: secret})
}

// ReadSecrets reads the secrets of a file, at least one. Each line is one, as
// it stands up to its line feed or CR LF; blank lines are passed over.
func ReadSecrets(file string) ([][]byte, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("read secrets from %q: %w", file, err)
	}
	var secrets [][]byte
	for line := range bytes.SplitSeq(text, []byte{'\n'}) {
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(bytes.TrimSpace(line)) > 0 {
			secrets = append(secrets, line)
		}
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("read secrets from %q: there is none in it", file)
	}
	return secrets, nil
}

// readFile reads a file of keys.
func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("it is larger than %d bytes", maxKeyFile)
	}
	return text, nil
}

// withoutPath returns the cause of a *os.PathError, for messages that name the
// path already.
func withoutPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// readPublicKeys reads the public keys of a PEM file, at least one.
func readPublicKeys(file string) ([]key, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	begun := bytes.Count(text, []byte("-----BEGIN "))
	var keys []key
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		k, err := readBlock(block)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", len(keys)+1, err)
		}
		keys = append(keys, k)
	}
	switch {
	case len(keys) < begun: // the library passes over them
		return nil, fmt.Errorf("%d of its %d PEM blocks are malformed", begun-len(keys), begun)
	case begun == 0:
		return nil, errors.New("there is no PEM block in it")
	}
	return keys, nil
}

// readBlock reads a PEM block with a public key. Of a certificate nothing else
// is looked at: not who signed it, not its dates.
func readBlock(block *pem.Block) (key, error) {
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = certificate.PublicKey
		}
	default:
		return key{}, fmt.Errorf("a %.40q is none of PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE", block.Type)
	}
	if err != nil {
		return key{}, err
	}
	return newPublicKey(public)
}

// newPublicKey returns the key for a public key of a kind and strength that is
// allowed.
func newPublicKey(public any) (key, error) {
	k := key{value: public}
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA {
			return key{}, fmt.Errorf("the RSA key has %d bits, which is not %d to %d", bits, minRSA, maxRSA)
		}
		k.methods = rsaMethods
	case *ecdsa.PublicKey:
		k.methods = curveMethods[public.Curve]
		if k.methods == nil {
			return key{}, fmt.Errorf("the ECDSA key is on the curve %s, which is none of P-256, P-384 and P-521", public.Curve.Params().Name)
		}
	case ed25519.PublicKey:
		k.methods = ed25519Methods
	default:
		return key{}, fmt.Errorf("a key of type %T is none of RSA, ECDSA and Ed25519", public)
	}
	return k, nil
}
