// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"crypto/x509/pkix"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func TestStatement(t *testing.T) {
	t.Parallel()
	scoped := func(name string, scopes ...any) tree { return statement(tree{"name": name, "registryScopes": scopes}) }
	named := documentOf(policyOf(
		scoped("any", "*"),
		scoped("app", "registry.example/team/app", "Other.Example./app"),
		scoped("nginx", "docker.io/nginx"),
		scoped("port", "registry.example:8080/team/app"),
	), tree{"ca:acme": []any{string(newCA(t).PEM())}})
	wildcardLast := documentOf(policyOf(scoped("app", "registry.example/team/app"), scoped("any", "*")), tree{"ca:acme": []any{string(newCA(t).PEM())}})
	closed := documentOf(policyOf(scoped("app", "registry.example/team/app")), tree{"ca:acme": []any{string(newCA(t).PEM())}})
	tests := []struct {
		name  string
		doc   tree
		image string
		want  string
	}{
		{name: "exact before wildcard", doc: named, image: "registry.example/team/app:v1", want: "app"},
		{name: "exact before a later wildcard", doc: wildcardLast, image: "registry.example/team/app:v1", want: "app"},
		{name: "wildcard", doc: named, image: "registry.example/team/other", want: "any"},
		{name: "below a named repository", doc: named, image: "registry.example/team/app/part", want: "any"},
		{name: "host in capitals, with port", doc: named, image: "REGISTRY.example:443/team/app", want: "app"},
		{name: "scope in capitals with a dot", doc: named, image: "other.example/app", want: "app"},
		{name: "another port", doc: named, image: "registry.example:8080/team/app", want: "port"},
		{name: "Docker Hub's short name", doc: named, image: "nginx", want: "nginx"},
		{name: "none", doc: closed, image: "registry.example/team", want: ""},
		{name: "look-alike", doc: closed, image: "registry.example.evil/team/app", want: ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ref, err := reference.Parse(tt.image)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if s := parse(t, tt.doc).Notation().Statement(ref); s != nil {
				got = s.Name
			}
			if got != tt.want {
				t.Errorf("statement = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStatement_compiles(t *testing.T) {
	t.Parallel()
	doc := parse(t, withStatement(t, tree{
		"registryScopes":        []any{"Registry.Example/app"},
		"signatureVerification": tree{"level": "permissive", "override": tree{"expiry": "enforce"}, "verifyTimestamp": "afterCertExpiry"},
	}))
	ref, err := reference.Parse("registry.example/app")
	if err != nil {
		t.Fatal(err)
	}
	s := doc.Notation().Statement(ref)
	if s.Level != "custom" || s.Skips() || s.VerifyTimestamp() != trustpolicy.OptionAfterCertExpiry {
		t.Errorf("level = %s, skips = %t, timestamps = %s", s.Level, s.Skips(), s.VerifyTimestamp())
	}
	want := map[trustpolicy.ValidationType]trustpolicy.ValidationAction{
		trustpolicy.TypeIntegrity: "enforce", trustpolicy.TypeAuthenticity: "enforce", trustpolicy.TypeExpiry: "enforce",
		trustpolicy.TypeAuthenticTimestamp: "log", trustpolicy.TypeRevocation: "log",
	}
	if diff := cmp.Diff(want, s.Actions); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"registry.example/app"}, doc.Notation().Scopes()); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	// What the library gets is valid, for every image, and a copy.
	library := s.Document()
	if err := library.Validate(); err != nil {
		t.Error(err)
	}
	library.TrustPolicies[0].SignatureVerification.Override["expiry"] = "log"
	library.TrustPolicies[0].TrustedIdentities[0] = "changed"
	if diff := cmp.Diff(trustpolicy.TrustPolicy{
		Name: "release", RegistryScopes: []string{"*"}, TrustStores: []string{"ca:acme"}, TrustedIdentities: []string{"*"},
		SignatureVerification: trustpolicy.SignatureVerification{VerificationLevel: "permissive", VerifyTimestamp: "afterCertExpiry", Override: map[trustpolicy.ValidationType]trustpolicy.ValidationAction{"expiry": "enforce"}},
	}, s.Document().TrustPolicies[0]); diff != "" {
		t.Errorf("policy for the library (-want +got):\n%s", diff)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	full := pkix.Name{CommonName: "release", Organization: []string{"Acme"}, Province: []string{"WA"}, Country: []string{"US"}}
	without := full
	without.Province = nil
	tests := []struct {
		name     string
		identity string
		subject  pkix.Name
		want     []string
	}{
		{name: "anybody", identity: "*", subject: without},
		{name: "subset", identity: "x509.subject: C=US, ST=WA, O=Acme", subject: full},
		{name: "another order, S for ST", identity: "x509.subject: O=Acme,S=WA,C=US,CN=release", subject: full},
		{name: "another value", identity: "x509.subject: C=US, ST=WA, O=Acme, CN=dev", subject: full, want: []string{"CN=dev (is release)"}},
		{name: "part of a value", identity: "x509.subject: C=US, ST=WA, O=Acm", subject: full, want: []string{"O=Acm (is Acme)"}},
		{name: "attribute that is absent", identity: "x509.subject: C=US, ST=WA, O=Acme, OU=Ops", subject: full, want: []string{"OU=Ops (is absent)"}},
		{name: "subject the Notary Project does not compare", identity: "x509.subject: C=US, ST=WA, O=Acme", subject: without, want: []string{`"CN=release,O=Acme,C=US" has no ST; the Notary Project compares only names with C, ST and O`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := newCA(t).Leaf(signtest.LeafOptions{Subject: tt.subject})
			if err != nil {
				t.Fatal(err)
			}
			ref, err := reference.Parse("registry.example/app")
			if err != nil {
				t.Fatal(err)
			}
			doc := parse(t, withStatement(t, tree{"trustedIdentities": []any{tt.identity}}))
			identity := doc.Notation().Statement(ref).Identities[0]
			if diff := cmp.Diff(tt.want, identity.Differences(s.Cert())); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
			if got := identity.Matches(s.Cert()); got != (len(tt.want) == 0) {
				t.Errorf("matches = %t with differences %q", got, tt.want)
			}
		})
	}
}
