// SPDX-License-Identifier: Apache-2.0

package sigstore_test

import (
	"net/http/httptest"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	sgsign "github.com/sigstore/sigstore-go/pkg/sign"
	sgverify "github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// sigstore-go signs with the services of an instance, and verifies with its trusted root.
func TestSigstoreSignsWithTheServices(t *testing.T) {
	t.Parallel()
	instance := newInstance(t, sigstore.InstanceOptions{})
	server := httptest.NewServer(instance.Handler())
	t.Cleanup(server.Close)
	token, err := instance.Token(sigstore.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	blob := []byte("a policy bundle")
	for _, version := range []uint32{1, 2} {
		raw, err := signWith(t, server.URL, token, version, &sgsign.PlainData{Data: blob})
		if err != nil {
			t.Fatalf("log v%d: %v", version, err)
		}
		if err := verifyBlob(t, instance, raw, blob); err != nil {
			t.Errorf("log v%d: %v", version, err)
		}
		statement := &sgsign.DSSEData{Data: []byte(`{"_type":"https://in-toto.io/Statement/v1"}`), PayloadType: "application/vnd.in-toto+json"}
		raw, err = signWith(t, server.URL, token, version, statement)
		if err != nil {
			t.Fatalf("log v%d: %v", version, err)
		}
		if err := verifyEnvelope(t, instance, raw); err != nil {
			t.Errorf("log v%d, envelope: %v", version, err)
		}
	}
}

func TestServicesRefuseStrangers(t *testing.T) {
	t.Parallel()
	instance, other := newInstance(t, sigstore.InstanceOptions{}), newInstance(t, sigstore.InstanceOptions{})
	server := httptest.NewServer(instance.Handler())
	t.Cleanup(server.Close)
	token, err := other.Token(sigstore.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signWith(t, server.URL, token, 1, &sgsign.PlainData{Data: []byte("a")}); err == nil {
		t.Error("certified with a token of another instance")
	}
}

func signWith(t *testing.T, url, token string, version uint32, content sgsign.Content) ([]byte, error) {
	t.Helper()
	key, err := sgsign.NewEphemeralKeypair(nil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := sgsign.Bundle(content, key, sgsign.BundleOptions{
		Context:                    t.Context(),
		CertificateProvider:        sgsign.NewFulcio(&sgsign.FulcioOptions{BaseURL: url}),
		CertificateProviderOptions: &sgsign.CertificateProviderOptions{IDToken: token},
		TimestampAuthorities:       []*sgsign.TimestampAuthority{sgsign.NewTimestampAuthority(&sgsign.TimestampAuthorityOptions{URL: url + "/api/v1/timestamp"})},
		TransparencyLogs:           []sgsign.Transparency{sgsign.NewRekor(&sgsign.RekorOptions{BaseURL: url, Version: version})},
	})
	if err != nil {
		return nil, err
	}
	return protojson.Marshal(made)
}

func verifyEnvelope(t *testing.T, instance *sigstore.Instance, raw []byte) error {
	t.Helper()
	verifier, err := sgverify.NewVerifier(trustedRoot(t, instance, sigstore.TrustedRootOptions{}),
		sgverify.WithSignedTimestamps(1), sgverify.WithTransparencyLog(1), sgverify.WithSignedCertificateTimestamps(1))
	if err != nil {
		t.Fatal(err)
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	_, err = verifier.Verify(&b, sgverify.NewPolicy(sgverify.WithoutArtifactUnsafe(), sgverify.WithoutIdentitiesUnsafe()))
	return err
}
