// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/attached"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

// Discover walks what is attached to an image, unverified; see [attached.Walk].
func (s *Service) Discover(ctx context.Context, image string, o attached.Options) (*attached.Node, error) {
	return attached.Walk(ctx, s.source, image, o)
}

// Nobody returns a trust document that accepts no signature there is: its only
// signers are made here and thrown away. A report by it says who claims to have
// signed, and never that anybody did.
func (s *Service) Nobody(ctx context.Context) (*trust.Document, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nobody", Organization: []string{"nobody"}, Country: []string{"ZZ"}},
		NotBefore: s.now().Add(-time.Hour), NotAfter: s.now().Add(time.Hour), BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	armour := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	raw, err := json.Marshal(map[string]any{
		"notation": map[string]any{
			"trust_policy": map[string]any{"version": "1.0", "trustPolicies": []any{map[string]any{
				"name": "nobody", "registryScopes": []string{"*"}, "trustStores": []string{"ca:nobody"}, "trustedIdentities": []string{"*"},
				"signatureVerification": map[string]any{"level": "strict", "override": map[string]string{"revocation": "skip"}},
			}}},
			"trust_stores": map[string]any{"ca:nobody": []string{armour("CERTIFICATE", certificate)}},
		},
		"cosign": map[string]any{
			"keys":         []string{armour("PUBLIC KEY", public)},
			"identities":   []any{map[string]string{"issuer": "https://nobody.invalid", "subject": "nobody"}},
			"trusted_root": "public-good",
		},
	})
	if err != nil {
		return nil, err
	}
	return s.ParseTrust(ctx, raw)
}

// Signers says who signed the subjects of a tree, by the digests of signature
// manifests; doc says whom to believe.
func (s *Service) Signers(ctx context.Context, root *attached.Node, doc *trust.Document) map[string][]report.Signature {
	found := map[string][]report.Signature{}
	var subjects []verify.Request
	var collect func(*attached.Node)
	collect = func(n *attached.Node) {
		if len(n.Attached) > 0 {
			subjects = append(subjects, verify.Request{Image: n.Reference.String(), Trust: doc})
		}
		for _, next := range slices.Concat(n.Children, n.Attached) {
			collect(next)
		}
	}
	collect(root)
	for _, r := range s.engine.VerifyAll(ctx, subjects) {
		for _, signature := range r.Signatures {
			found[signature.Digest] = append(found[signature.Digest], signature)
		}
	}
	return found
}
