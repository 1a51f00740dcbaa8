// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
)

// GitHubIssuer is the OIDC issuer of GitHub Actions.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

const (
	defaultIdentity = "release@acme.example"
	defaultIssuer   = "https://accounts.acme.example"
)

// CertificateOptions says what is different about a signing certificate.
type CertificateOptions struct {
	// Identity is the subject alternative name: a URI if it has "://", otherwise an
	// email address. Empty: "release@acme.example".
	Identity string
	// Issuer of the token that proved Identity. Empty: "https://accounts.acme.example".
	Issuer string
	// Claims are further extensions of the certificate; Issuer is taken from above.
	Claims certificate.Extensions
	// Key of the signer. Zero: ECP256 with SHA-256.
	Key KeyOptions
	// NotBefore is when the certificate begins. Zero: now.
	NotBefore time.Time
	// Lifetime of the certificate. Zero: ten minutes.
	Lifetime time.Duration
	// NoSCT leaves out the signed certificate timestamp.
	NoSCT bool
	// SCTBy is the instance whose certificate transparency log signs. Nil: the issuer.
	SCTBy *Instance
}

// GitHub is a certificate of a GitHub Actions workflow: repository "acme/app", workflow
// "release.yml", ref "refs/heads/main".
//
// Spec: Fulcio docs/oid-info.md.
func GitHub(repository, workflow, ref string) CertificateOptions {
	const sha = "8f2ad3a9bb0f7b6b3a4ec7b4f1ee1a0e4c6c0d11"
	uri := "https://github.com/" + repository
	config := uri + "/.github/workflows/" + workflow + "@" + ref
	owner, _, _ := strings.Cut(repository, "/")
	return CertificateOptions{
		Identity: config,
		Issuer:   GitHubIssuer,
		Claims: certificate.Extensions{
			GithubWorkflowTrigger:               "push",
			GithubWorkflowSHA:                   sha,
			GithubWorkflowName:                  "release",
			GithubWorkflowRepository:            repository,
			GithubWorkflowRef:                   ref,
			BuildSignerURI:                      config,
			BuildSignerDigest:                   sha,
			RunnerEnvironment:                   "github-hosted",
			SourceRepositoryURI:                 uri,
			SourceRepositoryDigest:              sha,
			SourceRepositoryRef:                 ref,
			SourceRepositoryIdentifier:          "1296269",
			SourceRepositoryOwnerURI:            "https://github.com/" + owner,
			SourceRepositoryOwnerIdentifier:     "583231",
			BuildConfigURI:                      config,
			BuildConfigDigest:                   sha,
			BuildTrigger:                        "push",
			RunInvocationURI:                    uri + "/actions/runs/1/attempts/1",
			SourceRepositoryVisibilityAtSigning: "public",
		},
	}
}

// GitLab is a certificate of a GitLab pipeline: project "acme/app", ref "refs/heads/main".
func GitLab(project, ref string) CertificateOptions {
	const sha = "8f2ad3a9bb0f7b6b3a4ec7b4f1ee1a0e4c6c0d11"
	uri := "https://gitlab.com/" + project
	config := uri + "//.gitlab-ci.yml@" + ref
	return CertificateOptions{
		Identity: config,
		Issuer:   "https://gitlab.com",
		Claims: certificate.Extensions{
			BuildSignerURI:         config,
			BuildSignerDigest:      sha,
			RunnerEnvironment:      "gitlab-hosted",
			SourceRepositoryURI:    uri,
			SourceRepositoryDigest: sha,
			SourceRepositoryRef:    ref,
			BuildConfigURI:         config,
			BuildConfigDigest:      sha,
			BuildTrigger:           "push",
			RunInvocationURI:       uri + "/-/jobs/1",
		},
	}
}

// Certify makes a key and has the instance's certificate authority certify it.
func (i *Instance) Certify(o CertificateOptions) (*Signer, error) {
	signer, err := NewKey(o.Key)
	if err != nil {
		return nil, err
	}
	if signer.Chain, err = i.chain(o, signer.Key.Public()); err != nil {
		return nil, err
	}
	signer.instance = i
	return signer, nil
}

// chain certifies a key: the certificate first, the root last.
func (i *Instance) chain(o CertificateOptions, public crypto.PublicKey) ([]*x509.Certificate, error) {
	template, err := o.template(i.now())
	if err != nil {
		return nil, err
	}
	if !o.NoSCT {
		by := cmp.Or(o.SCTBy, i)
		list, err := by.sctList(i.fulcio, *template, public, i.now())
		if err != nil {
			return nil, err
		}
		template.ExtraExtensions = append(template.ExtraExtensions, list)
	}
	cert, err := i.fulcio.issue(template, public)
	if err != nil {
		return nil, err
	}
	return slices.Insert(slices.Clone(i.fulcio.chain), 0, cert), nil
}

func (o CertificateOptions) template(now time.Time) (*x509.Certificate, error) {
	extensions, err := o.extensions()
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	begin := timeOr(o.NotBefore, now)
	template := &x509.Certificate{
		SerialNumber:    serial,
		NotBefore:       begin,
		NotAfter:        begin.Add(cmp.Or(o.Lifetime, 10*time.Minute)),
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: extensions,
	}
	identity := cmp.Or(o.Identity, defaultIdentity)
	if !strings.Contains(identity, "://") {
		template.EmailAddresses = []string{identity}
		return template, nil
	}
	uri, err := url.Parse(identity)
	if err != nil {
		return nil, fmt.Errorf("certify identity: %w", err)
	}
	template.URIs = []*url.URL{uri}
	return template, nil
}

// extensions are the issuer and the claims. The first six are plain bytes, the later
// ones DER strings.
func (o CertificateOptions) extensions() ([]pkix.Extension, error) {
	c := o.Claims
	issuer := cmp.Or(o.Issuer, defaultIssuer)
	var list []pkix.Extension
	for i, value := range []string{
		issuer, c.GithubWorkflowTrigger, c.GithubWorkflowSHA,
		c.GithubWorkflowName, c.GithubWorkflowRepository, c.GithubWorkflowRef,
	} {
		if value != "" {
			list = append(list, pkix.Extension{Id: claim(i + 1), Value: []byte(value)})
		}
	}
	for i, value := range []string{
		issuer, c.BuildSignerURI, c.BuildSignerDigest, c.RunnerEnvironment, c.SourceRepositoryURI,
		c.SourceRepositoryDigest, c.SourceRepositoryRef, c.SourceRepositoryIdentifier,
		c.SourceRepositoryOwnerURI, c.SourceRepositoryOwnerIdentifier, c.BuildConfigURI,
		c.BuildConfigDigest, c.BuildTrigger, c.RunInvocationURI, c.SourceRepositoryVisibilityAtSigning,
	} {
		if value == "" {
			continue
		}
		der, err := asn1.MarshalWithParams(value, "utf8")
		if err != nil {
			return nil, fmt.Errorf("encode claim %q: %w", value, err)
		}
		list = append(list, pkix.Extension{Id: claim(i + 8), Value: der})
	}
	return list, nil
}

// claim is the object identifier of a claim of Fulcio.
func claim(n int) asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, n}
}
