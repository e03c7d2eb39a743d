package auth

import (
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readKeySet reads a JWK set (RFC 7517, section 5). A key that is not for us is
// left out, and so is a malformed one: the set may hold what others use.
func readKeySet(text []byte) ([]key, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("it is no JSON object with a list of keys")
	}
	switch {
	case set.Keys == nil:
		return nil, errors.New("it has no list of keys")
	case len(set.Keys) > maxKeys:
		return nil, fmt.Errorf("its %d keys are more than %d", len(set.Keys), maxKeys)
	}
	keys := []key{}
	for _, text := range set.Keys {
		if k, ok := readJWK(text); ok {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// readJWK reads a JWK and tells whether it verifies signatures of ours.
func readJWK(text jsontext.Value) (key, bool) {
	// Neither k, since a secret that is published is none, nor private parts, nor
	// certificates, let alone the address of one.
	var given struct {
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
	if err := json.Unmarshal(text, &given); err != nil {
		return key{}, false
	}
	verifies := (given.Use == "" || given.Use == "sig") &&
		(given.Operations == nil || slices.Contains(given.Operations, "verify"))
	if !verifies {
		return key{}, false
	}
	public := jwkset.JWKMarshal{
		KTY: jwkset.KTY(given.Type), CRV: jwkset.CRV(given.Curve),
		X: given.X, Y: given.Y, N: given.N, E: given.E,
	}
	jwk, err := jwkset.NewJWKFromMarshal(public, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return key{}, false
	}
	k, err := newPublicKey(jwk.Key())
	if err != nil {
		return key{}, false
	}
	k.id = given.ID
	if given.Algorithm != "" {
		k.methods = slices.DeleteFunc(slices.Clone(k.methods), func(m string) bool { return m != given.Algorithm })
	}
	return k, len(k.methods) > 0
}
