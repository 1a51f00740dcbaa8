// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"cmp"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
)

// GitHubIssuer is the OIDC issuer of GitHub Actions.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

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
