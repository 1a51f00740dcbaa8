// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// problem is what a test expects of one [trust.Error]: its path, and parts of
// what it says.
type problem struct{ path, says string }

func checkProblems(t *testing.T, err error, want ...problem) {
	t.Helper()
	got := errorsOf(err)
	if len(got) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(got), len(want), err)
	}
	for i, w := range want {
		e := got[i]
		if e.Path != w.path || !strings.Contains(e.Problem+"; "+e.Remedy, w.says) {
			t.Errorf("problem %d = %q, want path %q and %q", i, e.Error(), w.path, w.says)
		}
	}
}

func TestParse_shape(t *testing.T) {
	t.Parallel()
	const store, list = `notation.trust_stores["ca:acme"]`, "notation.trust_policy.trustPolicies"
	tests := []struct {
		name string
		raw  string
		want []problem
	}{
		{name: "not JSON", raw: `{`, want: []problem{{"", "not JSON"}}},
		{name: "empty", raw: ``, want: []problem{{"", "not JSON"}}},
		{name: "text after it", raw: `{} {}`, want: []problem{{"", "after the JSON"}}},
		{name: "a list", raw: `[]`, want: []problem{{"", "a list, not an object"}}},
		{name: "null", raw: `null`, want: []problem{{"", "null, not an object"}}},
		{name: "trusts nobody", raw: `{}`, want: []problem{{"", "trusts nobody"}}},
		{name: "unknown key", raw: `{"notatoin": {}}`, want: []problem{{"", "trusts nobody"}, {"notatoin", `did you mean "notation"?`}}},
		{name: "key in capitals", raw: `{"Notation": {}}`, want: []problem{{"", "trusts nobody"}, {"Notation", `did you mean "notation"?`}}},
		{name: "cosign", raw: `{"cosign": {}}`, want: []problem{{"cosign", "neither keys nor identities"}}},
		{name: "key twice", raw: `{"notation": {}, "notation": {}}`, want: []problem{{"notation", "there twice"}}},
		{name: "key twice, deep", raw: `{"notation": {"trust_stores": {"ca:acme": [], "ca:acme": []}}}`, want: []problem{{store, "there twice"}}},
		{name: "too deep", raw: strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), want: []problem{{"a" + strings.Repeat(".a", 32), "nested deeper"}}},
		{name: "notation is a string", raw: `{"notation": "x"}`, want: []problem{{"notation", "a string, not an object"}}},
		{name: "both parts missing", raw: `{"notation": {}}`, want: []problem{{"notation.trust_policy", "missing"}, {"notation.trust_stores", "missing; write"}}},
		{name: "unknown key beside", raw: `{"notation": {"trust_policy": 1, "trust_stores": {}, "trust_store": {}}}`, want: []problem{{"notation.trust_store", `did you mean "trust_stores"?`}, {"notation.trust_policy", "a number, not an object"}}},
		{name: "stores missing", raw: `{"notation": {"trust_policy": {}}}`, want: []problem{{"notation.trust_stores", "missing"}}},
		{name: "stores are a list", raw: `{"notation": {"trust_policy": {"version": "1.0", "trustPolicies": []}, "trust_stores": []}}`, want: []problem{{"notation.trust_stores", "a list, not an object"}, {"notation.trust_policy", "zero trust policy statements"}}},
		{name: "statements are an object", raw: `{"notation": {"trust_policy": {"version": "1.0", "trustPolicies": {}}, "trust_stores": {}}}`, want: []problem{{list, "an object, not a list"}}},
		{name: "statements are missing", raw: `{"notation": {"trust_policy": {"version": "1.0"}, "trust_stores": {}}}`, want: []problem{{list, "null, not a list"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := trust.Parse([]byte(tt.raw), trust.Options{})
			if d != nil {
				t.Error("a document came with the error")
			}
			checkProblems(t, err, tt.want...)
		})
	}
}

func TestParse_tooLarge(t *testing.T) {
	t.Parallel()
	_, err := trust.Parse(make([]byte, 16<<20+1), trust.Options{})
	checkProblems(t, err, problem{"", "at most"})
}

func TestParse_policy(t *testing.T) {
	t.Parallel()
	const at = "notation.trust_policy.trustPolicies[0]"
	tests := []struct {
		name    string
		changes tree
		want    []problem
	}{
		{name: "good", changes: nil},
		{name: "unknown key", changes: tree{"registryScope": []any{"*"}}, want: []problem{{at + ".registryScope", `did you mean "registryScopes"?`}}},
		{name: "name is a number", changes: tree{"name": 1}, want: []problem{{at + ".name", "a number, not a string"}}},
		{name: "no name", changes: tree{"name": nil}, want: []problem{{at, "missing a name"}}},
		{name: "scope is a number", changes: tree{"registryScopes": []any{"*", 1}}, want: []problem{{at + ".registryScopes[1]", "a number"}}},
		{name: "no scopes", changes: tree{"registryScopes": nil}, want: []problem{{at, "zero registry scopes"}}},
		{name: "scope with a wildcard", changes: tree{"registryScopes": []any{"registry.example/*"}}, want: []problem{{at + ".registryScopes[0]", "no patterns"}}},
		{name: "scope without repository", changes: tree{"registryScopes": []any{"registry.example"}}, want: []problem{{at + ".registryScopes[0]", "no repository"}}},
		{name: "scope with a tag", changes: tree{"registryScopes": []any{"registry.example/app:v1"}}, want: []problem{{at + ".registryScopes[0]", "tag or a digest"}}},
		{name: "scope without registry", changes: tree{"registryScopes": []any{"acme/app"}}, want: []problem{{at + ".registryScopes[0]", `"docker.io/acme/app"`}}},
		{name: "scope with a scheme", changes: tree{"registryScopes": []any{"https://registry.example/app"}}, want: []problem{{at + ".registryScopes[0]", "scheme"}}},
		{name: "wildcard beside others", changes: tree{"registryScopes": []any{"*", "registry.example/app"}}, want: []problem{{at, "wildcard"}}},
		{name: "unknown level", changes: tree{"signatureVerification": tree{"level": "strickt"}}, want: []problem{{at + ".signatureVerification.level", `"strickt" is not a level; write one of`}}},
		{name: "level is missing", changes: tree{"signatureVerification": tree{}}, want: []problem{{at, "level is empty or missing"}}},
		{name: "unknown check", changes: tree{"signatureVerification": tree{"level": "strict", "override": tree{"revokation": "log"}}}, want: []problem{{at + ".signatureVerification.override.revokation", `did you mean "revocation"?`}}},
		{name: "integrity is overridden", changes: tree{"signatureVerification": tree{"level": "strict", "override": tree{"integrity": "log"}}}, want: []problem{{at, "can not be overridden"}}},
		{name: "expiry is skipped", changes: tree{"signatureVerification": tree{"level": "strict", "override": tree{"expiry": "skip"}}}, want: []problem{{at, "can not be skipped"}}},
		{name: "unknown time for timestamps", changes: tree{"signatureVerification": tree{"level": "strict", "verifyTimestamp": "never"}}, want: []problem{{at, "verifyTimestamp"}}},
		{name: "undefined store", changes: tree{"trustStores": []any{"ca:acne"}}, want: []problem{{at + ".trustStores[0]", `"ca:acme"; did you mean "ca:acme"?`}}},
		{name: "no stores", changes: tree{"trustStores": nil}, want: []problem{{at, "missing trust stores"}}},
		{name: "no identities", changes: tree{"trustedIdentities": nil}, want: []problem{{at, "trusted identities"}}},
		{name: "identity of no known kind", changes: tree{"trustedIdentities": []any{"CN=release"}}, want: []problem{{at + ".trustedIdentities[0]", "x509.subject"}}},
		{name: "identity of another kind", changes: tree{"trustedIdentities": []any{"x509.san: C=US, ST=WA, O=Acme"}}, want: []problem{{at + ".trustedIdentities[0]", "match nobody"}}},
		{name: "identity without organization", changes: tree{"trustedIdentities": []any{"x509.subject: C=US, ST=WA"}}, want: []problem{{at + ".trustedIdentities[0]", "has no O"}}},
		{name: "identity with a hex value", changes: tree{"trustedIdentities": []any{"x509.subject: C=US, ST=WA, O=#0403"}}, want: []problem{{at + ".trustedIdentities[0]", "hex-encoded"}}},
		{name: "identity with an attribute twice", changes: tree{"trustedIdentities": []any{"x509.subject: C=US, ST=WA, O=A, O=B"}}, want: []problem{{at + ".trustedIdentities[0]", "O twice"}}},
		{name: "overlapping identities", changes: tree{"trustedIdentities": []any{"x509.subject: C=US, ST=WA, O=A", "x509.subject: C=US, ST=WA, O=A, CN=b"}}, want: []problem{{at, "overlap"}}},
		{name: "skip", changes: tree{"signatureVerification": tree{"level": "skip"}, "trustStores": nil, "trustedIdentities": nil}},
		{name: "skip with stores", changes: tree{"signatureVerification": tree{"level": "skip"}}, want: []problem{{at, "set to skip"}}},
		{name: "every problem is told", changes: tree{"registryScopes": []any{"a"}, "trustStores": []any{"ca:x"}, "trustedIdentities": []any{"y"}}, want: []problem{
			{at + ".registryScopes[0]", "no repository"}, {at + ".trustedIdentities[0]", "no known kind"}, {at + ".trustStores[0]", "not defined"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := trust.Parse(text(t, withStatement(t, tt.changes)), trust.Options{})
			checkProblems(t, err, tt.want...)
		})
	}
}

func TestParse_statementsTogether(t *testing.T) {
	t.Parallel()
	stores := tree{"ca:acme": []any{string(newCA(t).PEM())}}
	scoped := func(name string, scopes ...any) tree { return statement(tree{"name": name, "registryScopes": scopes}) }
	tests := []struct {
		name   string
		policy tree
		want   []problem
	}{
		{name: "different scopes", policy: policyOf(scoped("a", "registry.example/app"), scoped("b", "*"))},
		{name: "same name", policy: policyOf(scoped("a", "registry.example/app"), scoped("a", "*")), want: []problem{{"notation.trust_policy", "same name"}}},
		{name: "same scope", policy: policyOf(scoped("a", "registry.example/app"), scoped("b", "registry.example/app")), want: []problem{{"notation.trust_policy", "multiple trust policy statements"}}},
		{name: "same scope, spelled otherwise", policy: policyOf(scoped("a", "Registry.Example:443/app"), scoped("b", "registry.example/app")), want: []problem{{"notation.trust_policy", "multiple trust policy statements"}}},
		{name: "same scope on Docker Hub", policy: policyOf(scoped("a", "docker.io/nginx"), scoped("b", "index.docker.io/library/nginx")), want: []problem{{"notation.trust_policy", "multiple trust policy statements"}}},
		{name: "unsupported version", policy: tree{"version": "2.0", "trustPolicies": []any{statement(nil)}}, want: []problem{{"notation.trust_policy.trustPolicies[0]", `version "2.0"`}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := trust.Parse(text(t, documentOf(tt.policy, stores)), trust.Options{})
			checkProblems(t, err, tt.want...)
		})
	}
}

func TestParse_storeNames(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, says string }{
		{name: "acme", says: "no type"},
		{name: "CA:acme", says: "not a type"},
		{name: "ca:", says: "not a name"},
		{name: "ca:../acme", says: "not a name"},
		{name: "ca:..", says: "not a name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pem := string(newCA(t).PEM())
			doc := documentOf(policyOf(statement(nil)), tree{"ca:acme": []any{pem}, tt.name: []any{pem}})
			_, err := trust.Parse(text(t, doc), trust.Options{})
			var e *trust.Error
			if !errors.As(err, &e) || !strings.Contains(e.Problem, tt.says) {
				t.Errorf("error = %v, want one with %q", err, tt.says)
			}
		})
	}
}

func TestParse_timestampStores(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	leaf := newLeaf(t, ca)
	tests := []struct {
		name     string
		material string
		stores   []any
		want     []problem
	}{
		{name: "root", material: string(ca.PEM()), stores: []any{"ca:acme", "tsa:clock"}},
		{name: "leaf", material: string((&signtest.Signer{Chain: leaf.Chain[:1]}).PEM()), stores: []any{"ca:acme", "tsa:clock"}, want: []problem{{`notation.trust_stores["tsa:clock"][0]`, "not a root certificate"}}},
		{name: "no other store", material: string(ca.PEM()), stores: []any{"tsa:clock"}, want: []problem{{"notation.trust_policy.trustPolicies[0].trustStores", "nobody could sign"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			doc := documentOf(policyOf(statement(tree{"trustStores": tt.stores})), tree{"ca:acme": []any{string(ca.PEM())}, "tsa:clock": []any{tt.material}})
			_, err := trust.Parse(text(t, doc), trust.Options{})
			checkProblems(t, err, tt.want...)
		})
	}
}

// TestHash: the hash is that of what is trusted, not of how it is written. Caches
// of outcomes are keyed by it.
func TestHash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ca.pem")
	hash := func(raw, file []byte) string {
		d, err := trust.Parse(raw, trust.Options{ReadFile: func(string) ([]byte, error) { return file, nil }})
		if err != nil {
			t.Fatal(err)
		}
		return d.Hash()
	}
	doc := withMaterial([]any{tree{"file": path}})
	indented, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	named := documentOf(policyOf(statement(tree{"name": "other"})), tree{"ca:acme": []any{tree{"file": path}}})
	one, two := newCA(t), newCA(t)
	want := hash(text(t, doc), one.PEM())
	tests := []struct {
		name string
		got  string
		same bool
	}{
		{name: "indented", got: hash(indented, one.PEM()), same: true},
		{name: "DER instead of PEM", got: hash(text(t, doc), one.Cert.Raw), same: true},
		{name: "another certificate in the file", got: hash(text(t, doc), two.PEM())},
		{name: "one more certificate in the file", got: hash(text(t, doc), append(one.PEM(), two.PEM()...))},
		{name: "another policy", got: hash(text(t, named), one.PEM())},
	}
	for _, tt := range tests {
		if len(tt.got) != 64 || (tt.got == want) != tt.same {
			t.Errorf("%s: hash %q, want same as %q: %t", tt.name, tt.got, want, tt.same)
		}
	}
}
