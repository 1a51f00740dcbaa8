// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
)

// Key is a public key whose owner may sign. Read-only.
type Key struct {
	Name        string // as the document or the key provider calls it; "" if nobody does
	Version     string // of the key provider; "" for its current one
	Fingerprint string // sha256:hex of the key's SubjectPublicKeyInfo
	Public      crypto.PublicKey
	// Hash is what signatures are made over. Zero: what signers use for this kind
	// of key, its curve's own or SHA-256.
	Hash crypto.Hash
	// ValidFrom and ValidUntil bound the times at which the key signed: proven
	// by a log or a timestamp, and otherwise now. Zero: unbounded.
	ValidFrom, ValidUntil time.Time

	spki []byte
}

// maxKeys bounds the keys of one document: each is tried on each signature.
const maxKeys = 100

const (
	writeKeys = `write a list, ["-----BEGIN PUBLIC KEY-----…"] or [{"file": "/path/cosign.pub", "name": "release"}]`
	writeKey  = `write {"key": PEM}, {"file": path} or {"provider": …, "name": …, "version": …}`
)

func (p *parser) keys(v any, path string) (keys []Key, absent []Absent) {
	list, ok := p.array(v, path, writeKeys)
	if ok && len(list) == 0 {
		p.add(path, "there are no keys", writeKeys)
	}
	if len(list) > maxKeys {
		p.add(path, fmt.Sprintf("there are %d entries, at most %d are allowed", len(list), maxKeys), "")
		return nil, nil
	}
	for i, k := range list {
		more, missing := p.key(k, index(path, i))
		keys, absent = append(keys, more...), append(absent, missing...)
	}
	if len(keys) > maxKeys {
		p.add(path, fmt.Sprintf("there are %d keys, at most %d are allowed", len(keys), maxKeys), "")
	}
	return keys, absent
}

func (p *parser) key(v any, path string) ([]Key, []Absent) {
	switch m := v.(type) {
	case string:
		return p.publicKeys([]byte(m), path, false), nil
	case map[string]any:
		return p.describedKey(m, path)
	}
	p.add(path, "it is "+kind(v)+", not a key", writeKeys)
	return nil, nil
}

func (p *parser) describedKey(m map[string]any, path string) ([]Key, []Absent) {
	o, ok := p.object(m, path, "key", "file", "provider", "name", "version", "hash", "valid_from", "valid_until")
	before := len(p.problems)
	p.strings(o, path, sortedKeys(o)...)
	if !ok || len(p.problems) > before {
		return nil, nil
	}
	keys, absent := p.keyMaterial(o, path)
	given := text(o, "provider") != "" // it names its keys itself
	if name := text(o, "name"); !given && len(keys) > 1 && (name != "" || text(o, "hash") != "") {
		p.add(path, fmt.Sprintf("%d keys share one entry, so that its name and hash do not tell which is meant", len(keys)), "write one entry for each key")
	}
	from, until := p.instant(o, path, "valid_from"), p.instant(o, path, "valid_until")
	if !until.IsZero() && !from.Before(until) {
		p.add(key(path, "valid_until"), "it is not after valid_from: the key would never be valid", "")
	}
	for i := range keys {
		if !given {
			keys[i].Name = text(o, "name")
		}
		keys[i].ValidFrom, keys[i].ValidUntil = from, until
		keys[i].Hash = p.hash(o, path, keys[i].Public)
	}
	return keys, absent
}

func (p *parser) keyMaterial(o map[string]any, path string) ([]Key, []Absent) {
	sources := slices.DeleteFunc([]string{"key", "file", "provider"}, func(s string) bool { return text(o, s) == "" })
	if len(sources) != 1 {
		p.add(path, fmt.Sprintf("it needs exactly one of key, file and provider, and has %d", len(sources)), writeKey)
		return nil, nil
	}
	if text(o, "version") != "" && sources[0] != "provider" {
		p.add(key(path, "version"), "only key providers have versions", "leave it out")
	}
	switch sources[0] {
	case "key":
		return p.publicKeys([]byte(text(o, "key")), key(path, "key"), false), nil
	case "file":
		raw, err := p.loader.read(text(o, "file"))
		if err != nil {
			p.add(key(path, "file"), err.Error(), "check the path, and that this process may read it")
			return nil, nil
		}
		return p.publicKeys(raw, fmt.Sprintf("%s (%s)", path, text(o, "file")), true), nil
	}
	if text(o, "name") == "" {
		p.add(path, "it names no key of the provider", writeKey)
		return nil, nil
	}
	return p.providedKeys(o, path)
}

// publicKeys reads PEM, or DER where derAllowed.
func (p *parser) publicKeys(raw []byte, path string, derAllowed bool) []Key {
	parsed, err := parsePublicKeys(raw, derAllowed)
	if err != nil {
		p.problems = append(p.problems, atPath(err, path))
		return nil
	}
	return newKeys(parsed)
}

func newKeys(parsed []publicKey) []Key {
	keys := make([]Key, len(parsed))
	for i, k := range parsed {
		keys[i] = Key{Public: k.public, Fingerprint: digest.FromBytes(k.spki).String(), spki: k.spki}
	}
	return keys
}

func (p *parser) instant(o map[string]any, path, name string) time.Time {
	s := text(o, name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		p.add(key(path, name), fmt.Sprintf("%q is not an instant", s), `write RFC 3339, "2026-01-31T00:00:00Z"`)
	}
	return t
}

func (p *parser) hash(o map[string]any, path string, public crypto.PublicKey) crypto.Hash {
	name := text(o, "hash")
	if name == "" {
		return 0
	}
	hashes := map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}
	h, known := hashes[strings.ToLower(name)]
	switch {
	case !known:
		p.add(key(path, "hash"), fmt.Sprintf("%q is not a hash for signatures", name), "write one of "+quoted(sortedKeys(hashes)))
	case isEd25519(public):
		p.add(key(path, "hash"), "Ed25519 has its own hash", "leave it out")
	}
	return h
}

// text returns a member that was checked to be a string, "" if it is absent.
func text(o map[string]any, name string) string {
	s, _ := o[name].(string)
	return s
}
