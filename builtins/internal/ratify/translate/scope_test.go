// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
)

// plan translates text that stands in a.yaml.
func plan(t *testing.T, text string) (*translate.Plan, *finding.List) {
	t.Helper()
	findings, set := &finding.List{}, &resource.Set{}
	for _, root := range source.Parse("a.yaml", []byte(text), findings) {
		set.Add(source.Document{Root: root})
	}
	p := translate.Translate(set, translate.Options{Certificates: nothing}, findings)
	set.Unread()
	return p, findings
}

func nothing(string) ([]string, error) { return nil, errors.New("there is no file system") }

const cosignVerifier = `
apiVersion: config.ratify.deislabs.io/v1beta1
kind: Verifier
metadata: {name: cosign}
spec:
  name: cosign
  artifactTypes: application/vnd.dev.cosign.artifact.sig.v1+json
  parameters:
    trustPolicies: [%s]
`

// policies lists "pattern → signers", with ! for those that admit nothing.
func policies(p *translate.Plan) []string {
	var all []string
	for _, policy := range p.Policies {
		for _, s := range policy.Scopes {
			mark := ""
			if policy.Refused != "" {
				mark = " !"
			}
			all = append(all, s.Pattern+" → "+strings.Join(policy.Signers, " ")+mark)
		}
	}
	slices.Sort(all)
	return all
}

func TestScopesOfCosignBecomePatterns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ scope, want string }{
		{`"registry.example/*"`, "registry.example → cosign/p"},
		{`"registry.example:5000/*"`, "registry.example:5000 → cosign/p"},
		{`"registry.example/team/*"`, "registry.example/team/** → cosign/p"},
		{`"registry.example/team*"`, "registry.example/team → cosign/p"},
		{`"ghcr.io*"`, "ghcr.io → cosign/p"},
		{`"registry.example/app:*"`, "registry.example/app → cosign/p, registry.example/app/** → nobody !"},
		{`"registry.example/app:v1"`, "registry.example/app → cosign/p !, registry.example/app/** → nobody !"},
		{`"registry.example/app@sha256:0"`, "registry.example/app → cosign/p !, registry.example/app/** → nobody !"},
		{`"registry.example/app"`, ""},
		{`"$ACR.azurecr.io/*"`, ""},
		{`"library/*"`, ""},
		{`"registry.example//x/*"`, ""},
		{`""`, ""},
		{`7`, ""},
	} {
		t.Run(tt.scope, func(t *testing.T) {
			t.Parallel()
			p, _ := plan(t, fmt.Sprintf(cosignVerifier, "{name: p, scopes: ["+tt.scope+"], keys: [{file: /k.pub}], tLogVerify: false}"))
			want := []string{"* → nobody !"}
			if tt.want != "" {
				want = append(want, strings.Split(tt.want, ", ")...)
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, policies(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheMostSpecificCosignPolicyCounts(t *testing.T) {
	t.Parallel()
	p, _ := plan(t, fmt.Sprintf(cosignVerifier, `
		{name: all, scopes: ["*"], keys: [{file: /a.pub}], tLogVerify: false},
		{name: one, scopes: ["registry.example/app:*"], keys: [{file: /b.pub}], tLogVerify: false},
		{name: two, scopes: ["other.example/*"], keys: [{file: /c.pub}], tLogVerify: false}`))
	want := []string{
		"* → cosign/all", "other.example → cosign/two", "registry.example/app → cosign/one", "registry.example/app/** → cosign/all",
	}
	if diff := cmp.Diff(want, policies(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPatternsOfIdentitiesAreAnchored(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ pattern, want string }{
		{`^https://github\.com/acme/app/\.github/workflows/release\.yml@refs/heads/main$`, `https://github\.com/acme/app/\.github/workflows/release\.yml@refs/heads/main`},
		{`^https://github\.com/acme/`, `https://github\.com/acme/.*`},
		{`https://github.com/acme/.*`, `https://github\.com/acme/.*`},
		{`@acme\.example$`, `@acme\.example`},
		{`^[a-z]+@acme\.example`, `[a-z]+@acme\.example`},
		{`^a@acme$|^b@acme$`, `^a@acme$|^b@acme$`},
		{`^(a|b)@acme$`, `(a|b)@acme`},
		{`^ends in a dollar\$`, `ends in a dollar\$`},
		{`.*`, ``},
		{`.+`, ``},
		{`(`, ``},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			t.Parallel()
			p, _ := plan(t, fmt.Sprintf(cosignVerifier, fmt.Sprintf(`{name: p, scopes: ["*"], keyless: {certificateIdentityRegExp: '%s', certificateOIDCIssuer: https://a.example}}`, tt.pattern)))
			if diff := cmp.Diff(tt.want, subject(t, p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// subject is the pattern of the only identity, "" if nobody is trusted.
func subject(t *testing.T, p *translate.Plan) string {
	t.Helper()
	for _, d := range p.Documents {
		if d.Name == "nobody" {
			continue
		}
		var decoded struct {
			Cosign struct {
				Identities []struct {
					Subject string `yaml:"subject_regexp"`
				} `yaml:"identities"`
			} `yaml:"cosign"`
		}
		if err := d.Node.Decode(&decoded); err != nil {
			t.Fatal(err)
		}
		return decoded.Cosign.Identities[0].Subject
	}
	return ""
}

// A value of the wrong kind is named and never followed.
func TestWrongKindsAreMistakes(t *testing.T) {
	t.Parallel()
	_, findings := plan(t, fmt.Sprintf(cosignVerifier, `{name: [x], scopes: y, keys: {a: b}, keyless: 3, tLogVerify: maybe}`))
	got := map[string]bool{}
	for _, f := range findings.Sorted() {
		if f.Kind == finding.Mistake {
			got[f.From[strings.LastIndex(f.From, ".")+1:]] = true
		}
	}
	for _, key := range []string{"name", "scopes", "keys", "tLogVerify"} {
		if !got[key] {
			t.Errorf("nothing is said of %s; mistakes are about %v", key, got)
		}
	}
}

// What is written is what was planned, whatever the names and texts are.
func readBack(t *testing.T, p *translate.Plan) map[string]any {
	t.Helper()
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	var data map[string]any
	if err := yaml.Unmarshal(files[translate.DataFile], &data); err != nil {
		t.Fatalf("data.yaml: %v\n%s", err, files[translate.DataFile])
	}
	var configuration map[string]any
	if err := yaml.Unmarshal(files[translate.ConfigurationFile], &configuration); err != nil {
		t.Fatalf("config.yaml: %v\n%s", err, files[translate.ConfigurationFile])
	}
	if len(configuration) != 1 || configuration["plugins"] == nil {
		t.Fatalf("config.yaml has %v, want plugins alone", configuration)
	}
	return data
}
