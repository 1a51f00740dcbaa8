// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/notaryproject/notation-core-go/signature"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// The methods of this file say why a check of the library failed. They are asked
// only then, and each returns a finding.

func (j *judgement) integrity(said error) *report.Error {
	return integrityFinding(j.evidence.Manifest.Layers[0].MediaType, j.evidence.Blobs[0], said)
}

func (j *judgement) authenticity(error) *report.Error {
	info := &j.content.SignerInfo
	stores := j.signerStores()
	if missing := without(stores); missing != "" {
		return finding(report.NoTrustMaterial, "the trust policy %q has no certificates for signing scheme %s: %s", j.statement.Name, info.SignedAttributes.SigningScheme, missing)
	}
	if j.anchor() != nil {
		return nil // the chain is trusted: the library means the identity
	}
	root := info.CertificateChain[len(info.CertificateChain)-1]
	return finding(report.UntrustedCertificate, "the chain of %q ends at %q%s; the trust policy %q trusts %s", nameOf(info.CertificateChain[0]), nameOf(root), namesake(root, stores), j.statement.Name, named(stores))
}

func (j *judgement) identity(error) *report.Error {
	leaf := j.content.SignerInfo.CertificateChain[0]
	if j.matched() != nil && j.anchor() == nil {
		return nil // the library means the chain
	}
	var wants []string
	for _, identity := range j.statement.Identities {
		wants = append(wants, fmt.Sprintf("%q (differs: %s)", identity.Text, report.Listed(identity.Differences(leaf))))
	}
	return finding(report.UntrustedIdentity, "it is signed by %q; the trust policy %q wants %s", nameOf(leaf), j.statement.Name, report.OneLine(report.Listed(wants)))
}

func (j *judgement) expiry(error) *report.Error {
	return finding(report.Expired, "the signature expired at %s; sign again", report.Stamp(j.content.SignerInfo.SignedAttributes.Expiry))
}

func (j *judgement) revocation(said error) *report.Error {
	if f := revocationFinding(j.answers.Of(j.verifier.revocation.CodeSigning), "signing certificate"); f != nil {
		return f
	}
	return unreachable("%s", report.OneLine(said.Error()))
}

// signerStores are the stores that count for the signature's signing scheme.
//
// Spec: Notary Project, trust store v1.1: ca for notary.x509, signingAuthority
// for notary.x509.signingAuthority.
func (j *judgement) signerStores() []*trust.Store {
	if j.content.SignerInfo.SignedAttributes.SigningScheme == signature.SigningSchemeX509SigningAuthority {
		return j.statement.StoresOf(trust.TypeSigningAuthority)
	}
	return j.statement.StoresOf(trust.TypeCA)
}

// anchor returns the store whose certificate vouches for the chain, nil for none.
func (j *judgement) anchor() *trust.Store {
	for _, store := range j.signerStores() {
		if _, err := signature.VerifyAuthenticity(&j.content.SignerInfo, store.Anchors(j.content.SignerInfo.CertificateChain)); err == nil {
			return store
		}
	}
	return nil
}

// matched returns the trusted identity that the signer has, nil for none.
func (j *judgement) matched() *trust.Identity {
	for _, identity := range j.statement.Identities {
		if identity.Matches(j.content.SignerInfo.CertificateChain[0]) {
			return &identity
		}
	}
	return nil
}

// without says which store has no certificates; the library needs them all, but
// those whose certificates a key provider does not give.
func without(stores []*trust.Store) string {
	if len(stores) == 0 {
		return "it names no trust store of that type"
	}
	missing, some := "", false
	for _, store := range stores {
		if some = some || !store.Empty(); !store.Empty() {
			continue
		}
		missing = fmt.Sprintf("%s: %s", store.Name, or(store.Missing, "the store is empty"))
		if len(store.Absent) == 0 {
			return missing
		}
	}
	if some {
		return ""
	}
	return missing
}

// namesake says that a store has another certificate of the same name, which the
// names in a message do not tell.
func namesake(root *x509.Certificate, stores []*trust.Store) string {
	for _, store := range stores {
		for _, c := range store.Certificates {
			if bytes.Equal(c.RawSubject, root.RawSubject) && !c.Equal(root) {
				return fmt.Sprintf(" (%s; that of the same name in %s is another, %s)", fingerprint(root), store.Name, fingerprint(c))
			}
		}
	}
	return ""
}

// named lists stores with the subjects of their certificates and their keys.
func named(stores []*trust.Store) string {
	var names []string
	for _, store := range stores {
		names = append(names, fmt.Sprintf("%s (%s)", store.Name, report.Listed(append(subjects(store.Certificates), keysOf(store)...))))
	}
	return report.OneLine(strings.Join(names, ", "))
}

func subjects(certificates []*x509.Certificate) []string {
	names := make([]string, len(certificates))
	for i, c := range certificates {
		names[i] = fmt.Sprintf("%q", nameOf(c))
	}
	return names
}

func keysOf(store *trust.Store) []string {
	names := make([]string, len(store.Keys))
	for i, k := range store.Keys {
		names[i] = fmt.Sprintf("key %q of %s", k.Name, k.Fingerprint)
	}
	return names
}
