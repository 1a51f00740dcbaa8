// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// CertificateIdentity is one owner of certificates who may sign. Read-only.
type CertificateIdentity struct {
	Text string // as the document has it, compact JSON

	demands []demandedClaim
}

// demandedClaim is one claim that must match.
type demandedClaim struct {
	claim   string
	want    string // for messages
	matches func(value string) bool
}

// Difference is a claim that is not as the identity wants it.
type Difference struct{ Claim, Want, Got string }

// String returns `subject "https://…" (is "https://…")`.
func (d Difference) String() string {
	if d.Got == "" {
		return fmt.Sprintf("%s %q (is absent)", d.Claim, d.Want)
	}
	return fmt.Sprintf("%s %q (is %q)", d.Claim, d.Want, d.Got)
}

// Differences lists what [Claims] of a certificate lack or have differently. It
// is empty exactly if the identity matches. An absent claim never matches.
func (i CertificateIdentity) Differences(claims map[string]string) []Difference {
	var differences []Difference
	for _, d := range i.demands {
		if got := claims[d.claim]; got == "" || !d.matches(got) {
			differences = append(differences, Difference{d.claim, d.want, got})
		}
	}
	return differences
}

// The members of an identity. Those of a build are matched with the extensions
// that Fulcio copies from a GitHub Actions or GitLab CI token.
func buildMembers() []string {
	return []string{"repository", "workflow", "ref", "trigger", "owner", "commit", "runner", "visibility", "repository_id", "owner_id"}
}

const writeIdentity = `write {"issuer": …, "subject": …}, {"issuer_regexp": …, "subject_regexp": …} or {"issuer": …, "repository": "https://github.com/acme/app", "workflow": ".github/workflows/release.yml", "ref": "refs/heads/main"}`

// maxIdentities bounds the identities of one document.
const maxIdentities = 1000

func (p *parser) certificateIdentities(v any, path string) []CertificateIdentity {
	list, ok := p.array(v, path, "write a list; "+writeIdentity)
	if ok && len(list) == 0 {
		p.add(path, "there are no identities", writeIdentity)
	}
	if len(list) > maxIdentities {
		p.add(path, fmt.Sprintf("there are %d identities, at most %d are allowed", len(list), maxIdentities), "use a pattern")
		return nil
	}
	var identities []CertificateIdentity
	for i, identity := range list {
		identities = append(identities, p.certificateIdentity(identity, index(path, i)))
	}
	return identities
}

func (p *parser) certificateIdentity(v any, path string) CertificateIdentity {
	members := slices.Concat([]string{"issuer", "issuer_regexp", "subject", "subject_regexp"}, buildMembers())
	o, ok := p.object(v, path, members...)
	before := len(p.problems)
	p.strings(o, path, sortedKeys(o)...)
	if !ok || len(p.problems) > before {
		return CertificateIdentity{}
	}
	for _, name := range sortedKeys(o) {
		if text(o, name) == "" {
			p.add(key(path, name), "it is empty", "leave it out, or say what is wanted")
		}
	}
	narrowed := text(o, "repository") != "" || text(o, "owner") != "" || text(o, "repository_id") != "" || text(o, "owner_id") != ""
	canonical, err := json.Marshal(o)
	if err != nil {
		panic("trust: marshal decoded JSON: " + err.Error())
	}
	i := CertificateIdentity{Text: string(canonical)}
	i.demands = append(i.demands, p.either(o, path, ClaimIssuer, true, false)...)
	i.demands = append(i.demands, p.either(o, path, ClaimSubject, !narrowed, narrowed)...)
	i.demands = append(i.demands, p.build(o, path)...)
	return i
}

// either reads a claim that is given exactly or as a pattern. A pattern may be
// wide only where something else narrows the identity.
func (p *parser) either(o map[string]any, path, claim string, required, mayBeWide bool) []demandedClaim {
	exact, pattern := text(o, claim), text(o, claim+"_regexp")
	switch {
	case exact != "" && pattern != "":
		p.add(path, fmt.Sprintf("it has both %s and %s_regexp", claim, claim), "keep one")
		return nil
	case exact != "":
		if strings.ContainsAny(exact, "*") {
			p.add(key(path, claim), fmt.Sprintf("%q has a wildcard, which is no part of an exact %s", exact, claim), fmt.Sprintf("write a pattern as %s_regexp", claim))
		}
		return []demandedClaim{{claim, exact, func(got string) bool { return got == exact }}}
	case pattern != "":
		at := key(path, claim+"_regexp")
		re, problem, remedy := compilePattern(pattern, claim, mayBeWide)
		if problem != "" {
			p.add(at, problem, remedy)
			return nil
		}
		return []demandedClaim{{claim, re.String(), re.MatchString}}
	case required:
		p.add(path, fmt.Sprintf("it has neither %s nor %s_regexp", claim, claim), writeIdentity)
	}
	return nil
}
