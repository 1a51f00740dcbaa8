// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/certificate-transparency-go/x509util"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigverify "github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// certificate: an authority of the trusted root issued the certificate, and the
// whole chain was valid at every proven time of signing.
//
// Spec: Sigstore client specification, "Certificate".
func (j *judgement) certificate() *report.Error {
	if len(j.times) == 0 {
		return finding(report.MissingTimestamp, "nothing proves when %s signed: it has neither a log entry with a time nor a signed timestamp by an authority of the trusted root", j.owner())
	}
	leaf := withoutSAN(j.signed.leaf)
	for _, t := range j.times {
		chains, err := sigverify.VerifyLeafCertificate(t, leaf, j.material)
		if err != nil {
			return j.badCertificate(t)
		}
		j.chains = chains
	}
	return nil
}

// withoutSAN removes the critical name that crypto/x509 does not know, Fulcio's
// OtherName, as sigstore-go's own verifier does. What else is critical remains.
func withoutSAN(leaf *x509.Certificate) *x509.Certificate {
	c := *leaf
	c.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), func(oid asn1.ObjectIdentifier) bool {
		return oid.Equal(cryptoutils.SANOID)
	})
	return &c
}

// badCertificate tells why, where the library does not.
func (j *judgement) badCertificate(at time.Time) *report.Error {
	if f := j.outsideCertificate(at); f != nil {
		return f
	}
	leaf := j.signed.leaf
	for _, ca := range j.material.FulcioCertificateAuthorities() {
		if f, ok := ca.(*root.FulcioCertificateAuthority); ok && issued(f, leaf) {
			return finding(report.ExpiredRoot, "the trusted root's authority %s issued the certificate of %s, but one of the two was not valid when it signed, %s; refresh the trusted root", report.OneLine(f.URI), j.owner(), report.Stamp(at))
		}
	}
	return finding(report.UntrustedCertificate, "the certificate of %s is by %q, which is not an authority of the trusted root", j.owner(), report.OneLine(leaf.Issuer.String()))
}

func (j *judgement) outsideCertificate(at time.Time) *report.Error {
	leaf := j.signed.leaf
	switch {
	case at.Before(leaf.NotBefore):
		return finding(report.NotYetValid, "the certificate of %s is valid from %s: not yet when it signed, %s", j.owner(), report.Stamp(leaf.NotBefore), report.Stamp(at))
	case at.After(leaf.NotAfter):
		return finding(report.Expired, "the certificate of %s was valid until %s: no longer when it signed, %s", j.owner(), report.Stamp(leaf.NotAfter), report.Stamp(at))
	}
	return nil
}

// issued reports whether a certificate is by an authority, whatever the time.
func issued(ca *root.FulcioCertificateAuthority, leaf *x509.Certificate) bool {
	for _, issuer := range append(slices.Clone(ca.Intermediates), ca.Root) {
		if issuer != nil && leaf.CheckSignatureFrom(issuer) == nil {
			return true
		}
	}
	return false
}

// sct: a log of the trusted root has seen the certificate.
//
// Spec: RFC 6962, 3.3.
func (j *judgement) sct() *report.Error {
	_, err := guarded(func() (any, error) {
		return nil, sigverify.VerifySignedCertificateTimestamp(j.chains, 1, j.material)
	})
	if err == nil {
		return nil
	}
	if scts, parse := x509util.ParseSCTsFromCertificate(j.signed.leaf.Raw); parse == nil && len(scts) == 0 {
		return finding(report.MissingSCT, "the certificate of %s has no signed certificate timestamp, which the trust document requires", j.owner())
	}
	return finding(report.InvalidSCT, "the signed certificate timestamp of %s is not by a log of the trusted root, or for another certificate: %s", j.owner(), report.OneLine(err.Error()))
}

// trustedIdentity: the owner of the certificate is one of the identities.
func (j *judgement) trustedIdentity() *report.Error {
	claims := j.certificateClaims()
	if claims == nil {
		return finding(report.UntrustedIdentity, "the certificate names no owner; the trust document wants %s", j.identities())
	}
	var nearest []trust.Difference
	for i := range j.trust.Identities {
		d := j.trust.Identities[i].Differences(claims)
		if len(d) == 0 {
			j.identity = &j.trust.Identities[i]
			return nil
		}
		if nearest == nil || len(d) < len(nearest) {
			nearest = d
		}
	}
	return j.stranger(nearest)
}

// stranger explains by the identity that came nearest.
func (j *judgement) stranger(nearest []trust.Difference) *report.Error {
	wants := make([]string, len(nearest))
	for i, d := range nearest {
		wants[i] = report.OneLine(d.String())
	}
	code := report.UntrustedIdentity
	if len(nearest) == 1 && nearest[0].Claim == trust.ClaimIssuer {
		code = report.UntrustedIssuer
	}
	return finding(code, "it is signed by %s; the trust document wants %s", j.owner(), strings.Join(wants, ", "))
}

// certificateClaims returns what the certificate says, nil if it names nobody.
func (j *judgement) certificateClaims() map[string]string {
	if j.summary == nil && j.signed.leaf != nil {
		if s, err := certificate.SummarizeCertificate(j.signed.leaf); err == nil {
			j.summary = &s
		}
	}
	if j.summary == nil {
		return nil
	}
	return trust.Claims(*j.summary)
}

// owner writes who the certificate says signed, for a message.
func (j *judgement) owner() string {
	claims := j.certificateClaims()
	if claims == nil {
		return fmt.Sprintf("%q", report.OneLine(j.signed.leaf.Subject.String()))
	}
	return fmt.Sprintf("%s (issuer %s)", report.OneLine(claims[trust.ClaimSubject]), report.OneLine(claims[trust.ClaimIssuer]))
}

// identities lists the trusted identities for a message.
func (j *judgement) identities() string {
	var names []string
	for _, i := range j.trust.Identities {
		names = append(names, report.OneLine(i.Text))
	}
	return report.Listed(names)
}
