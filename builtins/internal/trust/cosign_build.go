// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// build reads what an identity says about a CI job.
func (p *parser) build(o map[string]any, at string) []demandedClaim {
	var demands []demandedClaim
	repository := text(o, "repository")
	if repository != "" {
		repository = p.repository(repository, key(at, "repository"))
		demands = append(demands, exactly("source_repository_uri", repository))
	}
	if workflow := text(o, "workflow"); workflow != "" {
		demands = append(demands, p.workflow(workflow, repository, key(at, "workflow"))...)
	}
	if ref := text(o, "ref"); ref != "" {
		demands = append(demands, p.ref(ref, key(at, "ref"))...)
	}
	if owner := text(o, "owner"); owner != "" {
		demands = append(demands, exactly("source_repository_owner_uri", p.repository(owner, key(at, "owner"))))
	}
	for _, member := range []struct{ name, claim string }{
		{"trigger", "build_trigger"},
		{"commit", "source_repository_digest"},
		{"runner", "runner_environment"},
		{"visibility", "source_repository_visibility_at_signing"},
		{"repository_id", "source_repository_identifier"},
		{"owner_id", "source_repository_owner_identifier"},
	} {
		if want := text(o, member.name); want != "" {
			demands = append(demands, exactly(member.claim, want))
		}
	}
	return demands
}

func exactly(claim, want string) demandedClaim {
	return demandedClaim{claim, want, func(got string) bool { return got == want }}
}

// repository is a URL, because "acme/app" is somebody else's on another host.
func (p *parser) repository(text, at string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") == "" || strings.ContainsAny(text, "*?#") {
		p.add(at, fmt.Sprintf("%q is not the URL of a repository or its owner", text), fmt.Sprintf("write %q", "https://github.com/"+strings.Trim(text, "/*")))
	}
	return strings.TrimSuffix(text, "/")
}

// workflow is compared with the subject, which names the workflow that signs: a
// path in the repository, or the URL of a reusable workflow elsewhere. The part
// after @ is the workflow's own ref.
func (p *parser) workflow(text, repository, at string) []demandedClaim {
	want := text
	if !strings.Contains(text, "://") {
		if repository == "" {
			p.add(at, fmt.Sprintf("%q is a path, and there is no repository it could be in", text), `add "repository", or write the whole URL`)
			return nil
		}
		want = repository + "/" + strings.TrimPrefix(text, "/")
	}
	if strings.Contains(text, "*") {
		p.add(at, fmt.Sprintf("%q has a wildcard", text), "name the workflow file; for several, write several identities")
		return nil
	}
	return []demandedClaim{{ClaimSubject, want, func(got string) bool {
		if strings.Contains(want, "@") {
			return got == want
		}
		workflow, _, found := strings.Cut(got, "@")
		return found && (workflow == want || workflow == gitlabConfig(want, repository))
	}}}
}

// gitlabConfig writes the URL of a pipeline as GitLab does, with // after the
// project.
func gitlabConfig(want, repository string) string {
	inside, found := strings.CutPrefix(want, repository+"/")
	if !found || repository == "" {
		return want
	}
	return repository + "//" + inside
}

// ref is exact, or a pattern in which * stands for anything but a slash.
func (p *parser) ref(text, at string) []demandedClaim {
	if !strings.HasPrefix(text, "refs/") {
		p.add(at, fmt.Sprintf("%q is not a full ref", text), fmt.Sprintf("write %q for a branch or %q for tags", "refs/heads/main", "refs/tags/v*"))
		return nil
	}
	if _, err := path.Match(text, ""); err != nil || strings.Trim(text, "*/") == "refs" {
		p.add(at, fmt.Sprintf("%q is not a ref or a pattern of refs that narrows anything", text), fmt.Sprintf("write %q", "refs/tags/v*"))
		return nil
	}
	return []demandedClaim{{"source_repository_ref", text, func(got string) bool {
		matched, err := path.Match(text, got)
		return err == nil && matched
	}}}
}
