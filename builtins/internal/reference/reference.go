// SPDX-License-Identifier: Apache-2.0

// Package reference is step 1 of the flow: it turns what a person wrote into
// the one spelling every later step uses.
//
// A reference names an image: registry/repository[:tag][@digest]. Users write
// it as Docker taught them ("nginx"), attackers write it so that two readers
// disagree ("REGISTRY.example:443/app", "registry.example./app"). [Parse]
// accepts the first, folds the second into one canonical form, and refuses
// whatever cannot be read in exactly one way. It uses no network.
//
// Spec: OCI distribution v1.1.1, "Pulling manifests" (name, tag and digest
// grammar); Docker short names as github.com/distribution/reference v0.6.0
// normalises them.
package reference

import (
	"errors"
	"fmt"
	"strings"

	distribution "github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// ErrInvalid is wrapped by every error of this package.
var ErrInvalid = errors.New("invalid reference")

// maxLength bounds a reference in bytes: 255 for the name (distribution
// grammar), 128 for the tag, 7+128 for a sha512 digest, the separators, and
// room for a registry's port.
const maxLength = 1024

// Reference is a canonical image reference. The zero value names nothing.
// It is a value: copy and compare it freely.
type Reference struct {
	// Registry is the canonical host: lower case, no trailing dot, no default
	// port, "docker.io" for each of Docker Hub's names. An IPv6 address keeps
	// its brackets.
	Registry string
	// Repository is the path below the registry, "library/nginx".
	Repository string
	// Tag is "" when the reference has a digest and no tag.
	Tag string
	// Digest is "" when only a tag was given. When both are set the digest
	// decides and the tag is only remembered.
	Digest digest.Digest
}

// Parse reads s as Docker does: "nginx" is docker.io/library/nginx:latest.
// A digest wins over a tag. The error wraps [ErrInvalid] and says what is wrong
// with s and how to write it.
func Parse(s string) (Reference, error) {
	if err := precheck(s); err != nil {
		return Reference{}, invalid(s, err)
	}
	s, err := canonicalise(s)
	if err != nil {
		return Reference{}, invalid(s, err)
	}
	named, err := distribution.ParseNormalizedNamed(s)
	if err != nil {
		return Reference{}, invalid(s, explain(err))
	}
	return fromNamed(named), nil
}

func fromNamed(named distribution.Named) Reference {
	r := Reference{Registry: distribution.Domain(named), Repository: distribution.Path(named)}
	if tagged, ok := named.(distribution.Tagged); ok {
		r.Tag = tagged.Tag()
	}
	if digested, ok := named.(distribution.Digested); ok {
		r.Digest = digested.Digest()
	}
	if r.Tag == "" && r.Digest == "" {
		r.Tag = "latest"
	}
	return r
}

// Name returns registry/repository, what a scope of a trust policy names.
func (r Reference) Name() string { return r.Registry + "/" + r.Repository }

// String returns the canonical spelling: name@digest when a digest is known,
// name:tag otherwise, "" for the zero value.
func (r Reference) String() string {
	switch {
	case r.Repository == "":
		return ""
	case r.Digest != "":
		return r.Name() + "@" + r.Digest.String()
	default:
		return r.Name() + ":" + r.Tag
	}
}

// WithDigest returns r pinned to d; the tag is kept for display.
func (r Reference) WithDigest(d digest.Digest) Reference {
	r.Digest = d
	return r
}

// precheck refuses what the grammar behind it would misread or explain badly.
func precheck(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty; write registry/repository:tag or registry/repository@sha256:…")
	case len(s) > maxLength:
		return fmt.Errorf("it has %d bytes; at most %d are allowed", len(s), maxLength)
	case strings.Contains(s, "://"):
		return errors.New("it has a scheme; write it without, registry/repository:tag")
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return fmt.Errorf("it has the byte %#02x; only printable ASCII is allowed (write an international host name in its xn-- form)", c)
		}
	}
	return nil
}

// explain replaces the library's terse errors by ones that say what to write.
func explain(err error) error {
	if err == distribution.ErrReferenceInvalidFormat { //nolint:errorlint // only the bare sentinel says too little; wrapped ones explain themselves
		return errors.New("it does not have the form registry/repository[:tag][@digest]")
	}
	return err
}

func invalid(s string, err error) error {
	const shown = 128
	if len(s) > shown {
		s = s[:shown] + "…"
	}
	return fmt.Errorf("%w %q: %w", ErrInvalid, s, err)
}
