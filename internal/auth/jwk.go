package auth

import (
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// parseKeySet parses a JWK set (RFC 7517, section 5). It leaves out keys that do
// not verify signatures of tokens, and malformed ones: the set may contain keys
// for other programs. The result is never nil without an error.
func parseKeySet(text []byte) ([]key, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("want a JSON object with a list of keys")
	}
	switch {
	case set.Keys == nil:
		return nil, errors.New("it has no list of keys")
	case len(set.Keys) > maxKeys:
		return nil, fmt.Errorf("it has %d keys, want at most %d", len(set.Keys), maxKeys)
	}
	keys := []key{}
	for _, text := range set.Keys {
		if k, ok := parseJWK(text); ok {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// parseJWK parses a JWK (RFC 7517, section 4). It returns false unless the key is
// a public key that verifies signatures.
func parseJWK(text jsontext.Value) (key, bool) {
	// These members are not read: k, because a published secret is not secret;
	// private parts; certificates, and URLs of certificates.
	var jwk struct {
		Type       string   `json:"kty"`
		Use        string   `json:"use"`
		Operations []string `json:"key_ops"`
		Algorithm  string   `json:"alg"`
		ID         string   `json:"kid"`
		Curve      string   `json:"crv"`
		X          string   `json:"x"`
		Y          string   `json:"y"`
		N          string   `json:"n"`
		E          string   `json:"e"`
	}
	if err := json.Unmarshal(text, &jwk); err != nil {
		return key{}, false
	}
	isForSignatures := (jwk.Use == "" || jwk.Use == "sig") &&
		(jwk.Operations == nil || slices.Contains(jwk.Operations, "verify"))
	if !isForSignatures {
		return key{}, false
	}
	decoded, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{
		KTY: jwkset.KTY(jwk.Type), CRV: jwkset.CRV(jwk.Curve),
		X: jwk.X, Y: jwk.Y, N: jwk.N, E: jwk.E,
	}, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return key{}, false
	}
	k, err := newPublicKey(decoded.Key())
	if err != nil {
		return key{}, false
	}
	k.id = jwk.ID
	if jwk.Algorithm == edDSAFullySpecified {
		jwk.Algorithm = edDSA
	}
	if jwk.Algorithm != "" {
		k.methods = slices.DeleteFunc(slices.Clone(k.methods), func(m string) bool { return m != jwk.Algorithm })
	}
	return k, len(k.methods) > 0
}
