// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust/publicgood"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

func cosignOf(members tree) tree { return tree{"cosign": members} }

func newKey(tb testing.TB) *sigstore.Signer {
	tb.Helper()
	k, err := sigstore.NewKey(sigstore.KeyOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func rootOf(tb testing.TB, o sigstore.TrustedRootOptions) any {
	tb.Helper()
	i, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(i.TrustedRootJSON(o), &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func someone() tree {
	return tree{"issuer": "https://accounts.acme.example", "subject": "release@acme.example"}
}

// What is demanded if the document does not say: the strictest that can be met.
func TestParse_cosignDefaults(t *testing.T) {
	t.Parallel()
	k := newKey(t).PEM()
	root := rootOf(t, sigstore.TrustedRootOptions{})
	for _, tt := range []struct {
		name    string
		members tree
		want    []trust.Demand // log, signed timestamp, SCT
	}{
		{"keys alone", tree{"keys": []any{k}}, []trust.Demand{trust.Ignored, trust.Ignored, trust.Ignored}},
		{"keys with a root", tree{"keys": []any{k}, "trusted_root": root}, []trust.Demand{trust.Required, trust.Accepted, trust.Ignored}},
		{"keys with a root without logs", tree{"keys": []any{k}, "trusted_root": rootOf(t, sigstore.TrustedRootOptions{NoLog: true})}, []trust.Demand{trust.Ignored, trust.Accepted, trust.Ignored}},
		{"identities", tree{"identities": []any{someone()}, "trusted_root": root}, []trust.Demand{trust.Required, trust.Accepted, trust.Required}},
		{"identities, no timestamp authority", tree{"identities": []any{someone()}, "trusted_root": rootOf(t, sigstore.TrustedRootOptions{NoTSA: true})}, []trust.Demand{trust.Required, trust.Ignored, trust.Required}},
		{"both", tree{"keys": []any{k}, "identities": []any{someone()}, "trusted_root": root}, []trust.Demand{trust.Required, trust.Accepted, trust.Required}},
		{"said", tree{"identities": []any{someone()}, "trusted_root": root, "transparency_log": "ignored", "signed_timestamp": "required", "certificate_transparency": "ignored"}, []trust.Demand{trust.Ignored, trust.Required, trust.Ignored}},
		{"public good", tree{"identities": []any{someone()}, "trusted_root": "public-good"}, []trust.Demand{trust.Required, trust.Accepted, trust.Required}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, cosignOf(tt.members)).Cosign()
			if diff := cmp.Diff(tt.want, []trust.Demand{c.Log, c.SignedTimestamp, c.SCT}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParse_cosignProblems(t *testing.T) {
	t.Parallel()
	k := newKey(t).PEM()
	root := rootOf(t, sigstore.TrustedRootOptions{})
	withKey := func(v any) tree { return tree{"keys": []any{v}} }
	withIdentity := func(v any) tree { return tree{"identities": []any{v}, "trusted_root": root} }
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		members any
		want    []problem
	}{
		{"a list", []any{}, []problem{{"cosign", "a list, not an object"}}},
		{"unknown key", tree{"key": k, "keys": []any{k}}, []problem{{"cosign.key", `did you mean "keys"?`}}},
		{"nobody", tree{}, []problem{{"cosign", "trusts nobody"}}},
		{"no keys", tree{"keys": []any{}}, []problem{{"cosign.keys", "no keys"}}},
		{"no identities", tree{"identities": []any{}, "trusted_root": root}, []problem{{"cosign.identities", "no identities"}}},
		{"too many keys", tree{"keys": make([]any, 101)}, []problem{{"cosign.keys", "at most 100"}}},
		{"keys are a string", tree{"keys": k}, []problem{{"cosign.keys", "a string, not a list"}}},
		{"a number for a key", withKey(1), []problem{{"cosign.keys[0]", "a number, not a key"}}},
		{"a key's address", withKey("awskms:///alias/release"), []problem{{"cosign.keys[0]", "PEM"}}},
		{"a plugin's address", withKey(tree{"key": "acme://release"}), []problem{{"cosign.keys[0].key", "PEM"}}},
		{"private key", withKey(pemOf("PRIVATE KEY", pkcs8)), []problem{{"cosign.keys[0]", "is a PRIVATE KEY; remove it from here at once"}}},
		{"cosign's private key", withKey(pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", []byte("x"))), []problem{{"cosign.keys[0]", "is a PRIVATE KEY"}}},
		{"private key in a key member", withKey(tree{"key": pemOf("EC PRIVATE KEY", []byte("x"))}), []problem{{"cosign.keys[0].key", "is a PRIVATE KEY"}}},
		{"certificate", withKey(string(newCA(t).PEM())), []problem{{"cosign.keys[0]", "is a CERTIFICATE"}}},
		{"weak RSA", withKey(spkiOf(t, 1024)), []problem{{"cosign.keys[0]", "1024 bits, which is too weak"}}},
		{"another curve", withKey(curveOf(t)), []problem{{"cosign.keys[0]", "curve P-224"}}},
		{"PKCS #1", withKey(pemOf("RSA PUBLIC KEY", []byte("x"))), []problem{{"cosign.keys[0]", "openssl rsa"}}},
		{"a path", withKey("/etc/cosign.pub"), []problem{{"cosign.keys[0]", `write {"file": path}`}}},
		{"damaged", withKey(strings.Replace(k, "END", "ENDE", 1)), []problem{{"cosign.keys[0]", "damaged"}}},
		{"text after it", withKey(k + "more"), []problem{{"cosign.keys[0]", "trailing text"}}},
		{"key twice over", withKey(tree{"key": k, "file": "/x"}), []problem{{"cosign.keys[0]", "exactly one of key, file and provider, and has 2"}}},
		{"no material", withKey(tree{"name": "x"}), []problem{{"cosign.keys[0]", "has 0"}}},
		{"misspelt", withKey(tree{"key": k, "valid_unti": "x"}), []problem{{"cosign.keys[0].valid_unti", `did you mean "valid_until"?`}}},
		{"unknown hash", withKey(tree{"key": k, "hash": "md5"}), []problem{{"cosign.keys[0].hash", `"md5" is not a hash`}}},
		{"not an instant", withKey(tree{"key": k, "valid_from": "tomorrow"}), []problem{{"cosign.keys[0].valid_from", "RFC 3339"}}},
		{"never valid", withKey(tree{"key": k, "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2025-01-01T00:00:00Z"}), []problem{{"cosign.keys[0].valid_until", "never be valid"}}},
		{"unknown provider", withKey(tree{"provider": "vault", "name": "x"}), []problem{{"cosign.keys[0].provider", `no key provider "vault"`}}},
		{"two keys with one name", withKey(tree{"key": k + newKey(t).PEM(), "name": "x"}), []problem{{"cosign.keys[0]", "2 keys share one entry"}}},
		{"version of a file", withKey(tree{"key": k, "version": "1"}), []problem{{"cosign.keys[0].version", "only key providers"}}},

		{"identities without a root", tree{"identities": []any{someone()}}, []problem{{"cosign.trusted_root", "public-good"}}},
		{"root of a kind", tree{"keys": []any{k}, "trusted_root": "public"}, []problem{{"cosign.trusted_root", `"public" is not a known`}}},
		{"root that is none", tree{"keys": []any{k}, "trusted_root": tree{"mediaType": "x"}}, []problem{{"cosign.trusted_root", "not a Sigstore trusted root"}}},
		{"log required without a root", tree{"keys": []any{k}, "transparency_log": "required"}, []problem{{"cosign.transparency_log", "no trusted_root to check it with"}}},
		{"log required of a root without", tree{"identities": []any{someone()}, "trusted_root": rootOf(t, sigstore.TrustedRootOptions{NoLog: true})}, []problem{{"cosign.transparency_log", "has no transparency log"}}},
		{"SCT required of a root without", tree{"identities": []any{someone()}, "trusted_root": rootOf(t, sigstore.TrustedRootOptions{NoCTLog: true})}, []problem{{"cosign.certificate_transparency", "has no certificate transparency log"}}},
		{"SCT required of keys", tree{"keys": []any{k}, "trusted_root": root, "certificate_transparency": "required"}, []problem{{"cosign.certificate_transparency", "keys have no certificates"}}},
		{"no demand", tree{"keys": []any{k}, "transparency_log": "maybe"}, []problem{{"cosign.transparency_log", `"maybe" is not a demand`}}},
		{"log merely accepted", tree{"keys": []any{k}, "trusted_root": root, "transparency_log": "accepted"}, []problem{{"cosign.transparency_log", `"accepted" is not a demand`}}},
		{"no time at all", tree{"identities": []any{someone()}, "trusted_root": root, "transparency_log": "ignored", "signed_timestamp": "ignored"}, []problem{{"cosign", "nothing would prove when"}}},
		{"annotations are a list", tree{"keys": []any{k}, "annotations": []any{}}, []problem{{"cosign.annotations", "a list, not an object"}}},
		{"annotation is a number", tree{"keys": []any{k}, "annotations": tree{"a": 1}}, []problem{{"cosign.annotations.a", "a number, not a string"}}},

		{"identity is a string", withIdentity("x"), []problem{{"cosign.identities[0]", "a string, not an object"}}},
		{"identity is empty", withIdentity(tree{}), []problem{{"cosign.identities[0]", "neither issuer nor"}, {"cosign.identities[0]", "neither subject nor"}}},
		{"subject is empty", withIdentity(tree{"issuer": "https://a.example", "subject": ""}), []problem{{"cosign.identities[0].subject", "it is empty"}, {"cosign.identities[0]", "neither subject"}}},
		{"both", withIdentity(tree{"issuer": "https://a.example", "subject": "a", "subject_regexp": "a"}), []problem{{"cosign.identities[0]", "both subject and subject_regexp"}}},
		{"wildcard in an exact subject", withIdentity(tree{"issuer": "https://a.example", "subject": "https://github.com/acme/*"}), []problem{{"cosign.identities[0].subject", "write a pattern as subject_regexp"}}},
		{"issuer alone", withIdentity(tree{"issuer": "https://a.example"}), []problem{{"cosign.identities[0]", "neither subject"}}},
		{"unknown member", withIdentity(tree{"issuer": "https://a.example", "subjct": "a"}), []problem{{"cosign.identities[0].subjct", `did you mean "subject"?`}}},
		{"repository without a host", withIdentity(tree{"issuer": "https://a.example", "repository": "acme/app"}), []problem{{"cosign.identities[0].repository", `write "https://github.com/acme/app"`}}},
		{"workflow without a repository", withIdentity(tree{"issuer": "https://a.example", "owner": "https://github.com/acme", "workflow": ".github/workflows/r.yml"}), []problem{{"cosign.identities[0].workflow", "no repository"}}},
		{"short ref", withIdentity(tree{"issuer": "https://a.example", "repository": "https://github.com/a/b", "ref": "main"}), []problem{{"cosign.identities[0].ref", "refs/heads/main"}}},
		{"any ref", withIdentity(tree{"issuer": "https://a.example", "repository": "https://github.com/a/b", "ref": "refs/*/*"}), []problem{{"cosign.identities[0].ref", "narrows anything"}}},
		{"build of nobody", withIdentity(tree{"issuer": "https://a.example", "ref": "refs/heads/main"}), []problem{{"cosign.identities[0]", "neither subject"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := trust.Parse(text(t, tree{"cosign": tt.members}), trust.Options{})
			if d != nil {
				t.Error("a document came with the error")
			}
			checkProblems(t, err, tt.want...)
		})
	}
}

// A pattern that strangers pass, or that says less than its author means.
func TestParse_cosignPatterns(t *testing.T) {
	t.Parallel()
	root := rootOf(t, sigstore.TrustedRootOptions{})
	for pattern, says := range map[string]string{
		`.*`:                              "accepts anyone",
		`.+`:                              "accepts anyone",
		`^.*$`:                            "accepts anyone",
		`(?s).*`:                          "accepts anyone",
		`|release@acme\.example`:          "accepts anyone",
		`.*@.*`:                           "unescaped dot",
		`.*@[^@]*`:                        "accepts anyone",
		`https://.*`:                      "unescaped dot",
		`https://[^/]*/.*`:                "accepts anyone",
		`https://github\.com/.*`:          "accepts anyone",
		`https://github.com/acme/.*`:      "unescaped dot",
		`https://.*\.acme\.example/app`:   "unescaped dot",
		`release@acme.example`:            "unescaped dot",
		`a)|(?:.*`:                        "not a pattern",
		`(`:                               "not a pattern",
		`https://github\.com/acme/app/.*`: "",
		`.*@acme\.example`:                "",
		`https://[a-z.]+\.acme\.example/`: "",
		`release\+[0-9]+@acme\.example`:   "",
		`^https://github\.com/acme/app$`:  "",
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			identity := tree{"issuer": "https://a.example", "subject_regexp": pattern}
			_, err := trust.Parse(text(t, cosignOf(tree{"identities": []any{identity}, "trusted_root": root})), trust.Options{})
			if says == "" && err != nil {
				t.Error(err)
			}
			if says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
				t.Errorf("error %v, want %q", err, says)
			}
		})
	}
}

func TestParse_cosignIssuerPattern(t *testing.T) {
	t.Parallel()
	root := rootOf(t, sigstore.TrustedRootOptions{})
	for pattern, good := range map[string]bool{`.*`: false, `https://[^/]+`: false, `https://token\.actions\.githubusercontent\.com(/acme)?`: true} {
		identity := tree{"issuer_regexp": pattern, "subject": "release@acme.example"}
		_, err := trust.Parse(text(t, cosignOf(tree{"identities": []any{identity}, "trusted_root": root})), trust.Options{})
		if (err == nil) != good {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestParse_cosignKey(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	path := filepath.Join(t.TempDir(), "cosign.pub")
	if err := os.WriteFile(path, []byte(k.PEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := parse(t, cosignOf(tree{"keys": []any{
		k.PEM(),
		tree{"file": path, "name": "release", "hash": "sha512", "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00+02:00"},
	}})).Cosign()
	if len(c.Keys) != 2 || c.Keys[0].Fingerprint != c.Keys[1].Fingerprint || !strings.HasPrefix(c.Keys[0].Fingerprint, "sha256:") {
		t.Fatalf("%+v", c.Keys)
	}
	got := c.Keys[1]
	if got.Name != "release" || got.Hash.String() != "SHA-512" || got.ValidFrom.Year() != 2026 || !got.ValidUntil.Equal(time.Date(2026, 12, 31, 22, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", got)
	}
	if c.Keys[0].Hash != 0 || !c.Keys[0].ValidUntil.IsZero() {
		t.Errorf("%+v", c.Keys[0])
	}
}

// A document changes when what it read changes, and so does its hash.
func TestDocument_cosignStale(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	current := publicgood.Embedded()
	o := trust.Options{Now: func() time.Time { return now }, PublicGood: func() []byte { return current }}
	raw := text(t, cosignOf(tree{"identities": []any{someone()}, "trusted_root": "public-good"}))
	d, err := trust.Parse(raw, o)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if d.Stale() {
		t.Error("stale, but nothing changed")
	}
	current = append(publicgood.Embedded(), '\n')
	now = now.Add(time.Minute)
	if !d.Stale() {
		t.Error("not stale, but the trusted root changed")
	}
	again, err := trust.Parse(raw, o)
	if err != nil || again.Hash() == d.Hash() {
		t.Errorf("hash of another trusted root is the same (%v)", err)
	}
}

func TestDocument_cosignHash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cosign.pub")
	v := cosignOf(tree{"keys": []any{tree{"file": path}}})
	var last string
	for range 3 {
		if err := os.WriteFile(path, []byte(newKey(t).PEM()), 0o600); err != nil {
			t.Fatal(err)
		}
		h := parse(t, v).Hash()
		if h == last {
			t.Error("another key has the same hash")
		}
		last = h
	}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func spkiOf(tb testing.TB, bits int) string {
	tb.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		tb.Fatal(err)
	}
	return publicPEM(tb, &k.PublicKey)
}

func curveOf(tb testing.TB) string {
	tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return publicPEM(tb, &k.PublicKey)
}

func publicPEM(tb testing.TB, public any) string {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		tb.Fatal(err)
	}
	return pemOf("PUBLIC KEY", der)
}
