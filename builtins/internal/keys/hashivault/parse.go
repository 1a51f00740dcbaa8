// SPDX-License-Identifier: Apache-2.0

package hashivault

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strconv"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// transitKey is a key as the transit engine describes it.
//
// Spec: Vault API, transit secrets engine, "Read key".
type transitKey struct {
	Type        string                     `json:"type"`
	Latest      int64                      `json:"latest_version"`
	Oldest      int64                      `json:"min_decryption_version"` // older ones verify nothing any more, and are not listed
	Derived     bool                       `json:"derived"`                // a key for each context, none without
	SoftDeleted bool                       `json:"soft_deleted"`           // OpenBao
	Keys        map[string]json.RawMessage `json:"keys"`
}

// parseKey returns the versions of a key, oldest first.
func parseKey(step, name string, raw []byte) ([]keys.Key, error) {
	var answer struct {
		Data transitKey `json:"data"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer.Data.Keys) == 0 {
		return nil, &keys.Error{Step: step, Message: "the answer is not a transit key"}
	}
	k := answer.Data
	var numbers []int64
	for version := range k.Keys {
		n, err := strconv.ParseInt(version, 10, 64)
		if err != nil {
			return nil, &keys.Error{Step: step, Message: "the answer has a version that is not a number"}
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	var versions []keys.Key
	for _, n := range numbers {
		version := strconv.FormatInt(n, 10)
		found := keys.Key{Name: name, Version: version, Latest: n == k.Latest}
		found.PEM, found.Err = k.public(step, n, k.Keys[version])
		versions = append(versions, found)
	}
	return versions, nil
}

// public returns the key of one version as PEM.
func (k transitKey) public(step string, n int64, raw json.RawMessage) ([]byte, error) {
	var version struct {
		PublicKey string `json:"public_key"`
	}
	switch {
	case k.SoftDeleted:
		return nil, &keys.Error{Step: step, Code: "SoftDeleted", Message: "the key is deleted"}
	case n < k.Oldest:
		return nil, &keys.Error{Step: step, Message: "the version is below min_decryption_version, " + strconv.FormatInt(k.Oldest, 10)}
	case k.Derived:
		return nil, &keys.Error{Step: step, Message: "the key is derived: it has a public key for each context, none of its own; make one without derived"}
	case json.Unmarshal(raw, &version) != nil || version.PublicKey == "":
		return nil, &keys.Error{Step: step, Message: "the key is of type " + problem.Sanitise(k.Type) + ", which has no public key"}
	case bytes.HasPrefix([]byte(version.PublicKey), []byte("-----BEGIN ")):
		return []byte(version.PublicKey), nil
	case k.Type == "ed25519":
		return ed25519PEM(step, version.PublicKey)
	}
	return nil, &keys.Error{Step: step, Message: "the public key is not PEM"}
}

// ed25519PEM: of these keys the engine gives the 32 bytes in base64.
func ed25519PEM(step, text string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, &keys.Error{Step: step, Message: "the public key is not 32 bytes in base64"}
	}
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(raw))
	if err != nil {
		return nil, &keys.Error{Step: step, Err: err}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}
