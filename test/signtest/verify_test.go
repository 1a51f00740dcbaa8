// SPDX-License-Identifier: Apache-2.0

package signtest_test

import (
	"context"
	"crypto/x509"
	"testing"

	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// trust is what notation-go's own verifier is told to trust. It is the second opinion
// on everything this package makes.
type trust struct {
	ca               []*x509.Certificate
	signingAuthority []*x509.Certificate
	tsa              []*x509.Certificate
	identity         string // "" for any
	timestamp        trustpolicy.TimestampOption
}

// GetCertificates makes trust a trust store.
func (tr trust) GetCertificates(_ context.Context, kind truststore.Type, _ string) ([]*x509.Certificate, error) {
	return map[truststore.Type][]*x509.Certificate{
		truststore.TypeCA:               tr.ca,
		truststore.TypeSigningAuthority: tr.signingAuthority,
		truststore.TypeTSA:              tr.tsa,
	}[kind], nil
}

func (tr trust) verifier(t *testing.T) notation.Verifier {
	t.Helper()
	identity := tr.identity
	if identity == "" {
		identity = "*"
	}
	var stores []string
	for kind, certs := range map[string][]*x509.Certificate{
		"ca:test": tr.ca, "signingAuthority:test": tr.signingAuthority, "tsa:test": tr.tsa,
	} {
		if len(certs) > 0 {
			stores = append(stores, kind)
		}
	}
	v, err := verifier.NewWithOptions(&trustpolicy.Document{
		Version: "1.0",
		TrustPolicies: []trustpolicy.TrustPolicy{{
			Name:           "test",
			RegistryScopes: []string{"*"},
			SignatureVerification: trustpolicy.SignatureVerification{
				VerificationLevel: "strict",
				VerifyTimestamp:   tr.timestamp,
			},
			TrustStores:       stores,
			TrustedIdentities: []string{identity},
		}},
	}, tr, nil, verifier.VerifierOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// verify asks notation-go about one envelope. failed is the type of the first
// validation that failed, "" if all passed.
func (tr trust) verify(t *testing.T, subject ocispec.Descriptor, env signtest.Envelope) (failed trustpolicy.ValidationType, outcome *notation.VerificationOutcome, err error) {
	t.Helper()
	outcome, err = tr.verifier(t).Verify(t.Context(), subject, env.Bytes, notation.VerifierVerifyOptions{
		ArtifactReference:  "registry.example/app@" + subject.Digest.String(),
		SignatureMediaType: env.MediaType,
	})
	if outcome != nil {
		for _, result := range outcome.VerificationResults {
			if result.Error != nil {
				return result.Type, outcome, err
			}
		}
	}
	return "", outcome, err
}

func subject(content string) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest,
		Digest:    digest.FromString(content),
		Size:      int64(len(content)),
	}
}

func newCA(t *testing.T, o signtest.CAOptions) *signtest.CA {
	t.Helper()
	ca, err := signtest.NewCA(o)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func newLeaf(t *testing.T, ca *signtest.CA, o signtest.LeafOptions) *signtest.Signer {
	t.Helper()
	signer, err := ca.Leaf(o)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func sign(t *testing.T, signer *signtest.Signer, subject ocispec.Descriptor, o signtest.SignOptions) signtest.Envelope {
	t.Helper()
	env, err := signer.Sign(t.Context(), subject, o)
	if err != nil {
		t.Fatal(err)
	}
	return env
}
