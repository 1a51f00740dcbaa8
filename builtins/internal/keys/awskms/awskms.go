// SPDX-License-Identifier: Apache-2.0

// Package awskms is the key provider of AWS KMS: the public keys of asymmetric
// keys for signing. They have no versions; an alias that is moved is a key that was
// replaced.
//
// The identity needs kms:GetPublicKey. A key that the service says is disabled,
// pending deletion or gone counts as gone at once.
//
// Spec: AWS KMS API 2014-11-01, GetPublicKey.
package awskms

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/aws"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// Options configures a [Source].
type Options struct {
	// Region of the keys, "eu-central-1". Required.
	Region string
	// Keys to fetch. Required.
	Keys []Key
	// Identity of this workload. Required.
	Identity aws.Options
}

// Key is one key.
type Key struct {
	// Name is what trust documents write. Empty: ID.
	Name string
	// ID is the key's ID, its ARN, "alias/NAME" or an alias's ARN. Required.
	ID string
}

// Source is a [keys.Source]. It may be shared between goroutines.
type Source struct {
	region, host string
	keys         []Key
	identity     *aws.Identity
}

// keyID is one of the four forms of a key's identifier, with the region of an ARN.
//
// Spec: AWS KMS, "Key identifiers (KeyId)".
var keyID = regexp.MustCompile(`^(?:arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:)?(?:key/)?(?:[0-9a-f-]{36}|mrk-[0-9a-f]{32}|alias/[A-Za-z0-9/_-]{1,250})$`)

// New returns a source. The error names every problem; nothing is asked of anybody.
func New(o Options) (*Source, error) {
	host, err := aws.Host("kms", o.Region)
	s := &Source{region: o.Region, host: host}
	errs := []error{err}
	if len(o.Keys) == 0 {
		errs = append(errs, errors.New("no keys are listed"))
	}
	for i, k := range o.Keys {
		k.Name = cmp.Or(k.Name, k.ID)
		m := keyID.FindStringSubmatch(k.ID)
		switch {
		case m == nil:
			errs = append(errs, fmt.Errorf("keys[%d]: %q is not a key's ID, its ARN or an alias", i, k.ID))
		case m[1] != "" && m[1] != o.Region:
			errs = append(errs, fmt.Errorf("keys[%d]: %q is in another region than %q", i, k.ID, o.Region))
		case slices.ContainsFunc(s.keys, func(other Key) bool { return other.Name == k.Name }):
			errs = append(errs, fmt.Errorf("keys[%d]: the name %q is there already", i, k.Name))
		}
		s.keys = append(s.keys, k)
	}
	s.identity, err = aws.New(o.Identity)
	return s, errors.Join(append(errs, err)...)
}

// Fetch implements [keys.Source]. The errors are of type [*keys.Error].
func (s *Source) Fetch(ctx context.Context) (keys.Snapshot, error) {
	var snapshot keys.Snapshot
	var errs []error
	for _, k := range s.keys {
		raw, err := s.publicKey(ctx, k)
		if err != nil && !final(err) {
			errs = append(errs, err) // the key stays as it was
			continue
		}
		snapshot.Keys = append(snapshot.Keys, keys.Key{Name: k.Name, PEM: raw, Latest: err == nil, Err: err})
	}
	return snapshot, errors.Join(errs...)
}

// codeContent is ours: the key was seen, and is not what was asked for.
const codeContent = "unusable"

// final reports whether the service has said that there is nothing to use.
func final(err error) bool {
	e, ok := errors.AsType[*keys.Error](err)
	return ok && slices.Contains([]string{"DisabledException", "KMSInvalidStateException", "NotFoundException", "UnsupportedOperationException", "InvalidKeyUsageException", codeContent}, e.Code)
}

func (s *Source) publicKey(ctx context.Context, k Key) ([]byte, error) {
	step := fmt.Sprintf("get public key of %q", k.ID)
	var answer struct {
		PublicKey []byte `json:"PublicKey"` // DER, PKIX
		Usage     string `json:"KeyUsage"`
	}
	err := s.identity.Do(ctx, aws.Call{Step: step, Host: s.host, Service: "kms", Region: s.region, Target: "TrentService.GetPublicKey", Input: map[string]any{"KeyId": k.ID}}, &answer)
	if err != nil {
		return nil, err
	}
	if answer.Usage != "SIGN_VERIFY" {
		return nil, &keys.Error{Step: step, Code: codeContent, Message: "the key is not for signing"}
	}
	if _, err := x509.ParsePKIXPublicKey(answer.PublicKey); err != nil {
		return nil, &keys.Error{Step: step, Code: codeContent, Message: "the key's type cannot verify signatures here; expected RSA or a NIST curve"}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: answer.PublicKey}), nil
}
