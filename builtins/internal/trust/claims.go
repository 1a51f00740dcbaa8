// SPDX-License-Identifier: Apache-2.0

package trust

import "github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

// The names of the claims that most policies use.
const (
	ClaimSubject = "subject" // subject alternative name: URI, e-mail address, or user name
	ClaimIssuer  = "issuer"  // OIDC issuer, a URL
)

// Claims returns what a certificate by Fulcio says about its owner, by the names
// that reports and identities use. Absent claims have no key.
//
// Spec: Fulcio, "Sigstore OID information", 1.3.6.1.4.1.57264.1.*.
func Claims(s certificate.Summary) map[string]string {
	claims := map[string]string{
		ClaimSubject:                              s.SubjectAlternativeName,
		ClaimIssuer:                               s.Issuer,
		"build_signer_uri":                        s.BuildSignerURI,
		"build_signer_digest":                     s.BuildSignerDigest,
		"runner_environment":                      s.RunnerEnvironment,
		"source_repository_uri":                   s.SourceRepositoryURI,
		"source_repository_digest":                s.SourceRepositoryDigest,
		"source_repository_ref":                   s.SourceRepositoryRef,
		"source_repository_identifier":            s.SourceRepositoryIdentifier,
		"source_repository_owner_uri":             s.SourceRepositoryOwnerURI,
		"source_repository_owner_identifier":      s.SourceRepositoryOwnerIdentifier,
		"build_config_uri":                        s.BuildConfigURI,
		"build_config_digest":                     s.BuildConfigDigest,
		"build_trigger":                           s.BuildTrigger,
		"run_invocation_uri":                      s.RunInvocationURI,
		"source_repository_visibility_at_signing": s.SourceRepositoryVisibilityAtSigning,
		"github_workflow_trigger":                 s.GithubWorkflowTrigger,
		"github_workflow_sha":                     s.GithubWorkflowSHA,
		"github_workflow_name":                    s.GithubWorkflowName,
		"github_workflow_repository":              s.GithubWorkflowRepository,
		"github_workflow_ref":                     s.GithubWorkflowRef,
	}
	for name, value := range claims {
		if value == "" {
			delete(claims, name)
		}
	}
	return claims
}
