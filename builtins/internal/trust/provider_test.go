// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// providers is the key provider "vault" in memory: what is asked for is
// name/version.
type providers map[string]trust.Provided

func (providers) Names() []string { return []string{"vault"} }

func (p providers) Material(_, name, version string) trust.Provided {
	got, found := p[name+"/"+version]
	if !found {
		return trust.Provided{Absent: []trust.Absent{{Message: "no such secret"}}}
	}
	return got
}

func have(raw ...[]byte) trust.Provided {
	var p trust.Provided
	for _, r := range raw {
		p.Versions = append(p.Versions, trust.Version{Raw: r})
	}
	return p
}

// anchors are the subjects of a store's certificates and the messages of what is
// absent.
func anchors(d *trust.Document, store string) []string {
	var got []string
	for _, c := range d.Notation().Store(store).Certificates {
		got = append(got, c.Subject.CommonName)
	}
	for _, k := range d.Notation().Store(store).Keys {
		got = append(got, k.Name)
	}
	for _, a := range d.Notation().Store(store).Absent {
		got = append(got, a.Message)
	}
	return got
}

func TestParse_providedCertificates(t *testing.T) {
	t.Parallel()
	ca, other := newCA(t), newCA(t)
	chain := newLeaf(t, ca).PEM()
	alone, err := signtest.SelfSigned(signtest.LeafOptions{})
	if err != nil {
		t.Fatal(err)
	}
	known := providers{
		"ca/": have(ca.PEM()), "ca/7": have(ca.Cert.Raw), "chain/": have(chain), "leaf/": have(newLeaf(t, ca).Cert().Raw),
		"alone/": have(alone.PEM()), "key/": have([]byte(newKey(t).PEM())), "large/": have(make([]byte, 1<<20+1)),
		"both/all enabled": {Versions: []trust.Version{{Name: "1", Raw: ca.PEM()}, {Name: "2", Raw: []byte("garbage")}, {Name: "3", Raw: other.PEM()}}},
		"down/":            {Absent: []trust.Absent{{Message: "connection refused", Unseen: true, Retryable: true}}},
	}
	const what = `key provider "vault": `
	tests := []struct {
		name     string
		material tree
		want     []string
	}{
		{name: "current", material: tree{"name": "ca"}, want: []string{"acme root"}},
		{name: "version, DER", material: tree{"name": "ca", "version": "7"}, want: []string{"acme root"}},
		{name: "chain of a signer: its authorities", material: tree{"name": "chain"}, want: []string{"acme root"}},
		{name: "self-signed signer", material: tree{"name": "alone"}, want: []string{alone.Chain[0].Subject.CommonName}},
		{name: "signer without its authority", material: tree{"name": "leaf"}, want: []string{what + `"leaf": none of its certificates is of an authority or signed itself: the authority is missing from the chain`}},
		{name: "every version, one is bad", material: tree{"name": "both", "version": "all enabled"}, want: []string{"acme root", "acme root", what + `"both" version "2": it is neither PEM nor a DER certificate; ` + "write -----BEGIN CERTIFICATE----- blocks and nothing else"}},
		{name: "no such version", material: tree{"name": "ca", "version": "8"}, want: []string{what + `"ca" version "8": no such secret`}},
		{name: "down", material: tree{"name": "down"}, want: []string{what + `"down": connection refused`}},
		{name: "a public key", material: tree{"name": "key"}, want: []string{"key"}},
		{name: "too large", material: tree{"name": "large"}, want: []string{what + `"large": it has 1048577 bytes, at most 1048576 are allowed`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.material["provider"] = "vault"
			d, err := trust.Parse(text(t, withMaterial([]any{tt.material})), trust.Options{Providers: known})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, anchors(d, "ca:acme")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			missing := d.Notation().Store("ca:acme").Missing
			if d.Notation().Store("ca:acme").Empty() != (missing != "") {
				t.Errorf("missing = %q", missing)
			}
		})
	}
}

func TestParse_providerThatIsNotConfigured(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		material tree
		says     string
	}{
		{"unknown provider", tree{"provider": "valut", "name": "ca"}, `no key provider "valut"; configured in plugins.ratify.key_providers: "vault"`},
		{"no name", tree{"provider": "vault"}, "names no material"},
		{"name is a number", tree{"provider": "vault", "name": 1}, "a number"},
	} {
		_, err := trust.Parse(text(t, withMaterial([]any{tt.material})), trust.Options{Providers: providers{}})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// The chain of a key service holds more than the root; in a store of timestamp
// authorities only that counts.
func TestParse_providedTimestampAuthority(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	known := providers{"tsa/": have(newLeaf(t, ca).PEM())}
	doc := withMaterial([]any{string(ca.PEM())})
	doc["notation"].(tree)["trust_stores"].(tree)["tsa:acme"] = []any{tree{"provider": "vault", "name": "tsa"}}
	d, err := trust.Parse(text(t, doc), trust.Options{Providers: known})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"acme root"}, anchors(d, "tsa:acme")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParse_providedKeys(t *testing.T) {
	t.Parallel()
	first, second := newKey(t), newKey(t)
	known := providers{
		"release/all enabled": {
			Versions: []trust.Version{{Name: "1", Raw: []byte(first.PEM())}, {Name: "2", Raw: []byte(second.PEM())}, {Name: "3", Raw: newCA(t).PEM()}},
			Absent:   []trust.Absent{{Message: "throttled", Unseen: true, Retryable: true}},
		},
	}
	d, err := trust.Parse(text(t, cosignOf(tree{"keys": []any{tree{"provider": "vault", "name": "release", "version": "all enabled", "valid_until": "2030-01-01T00:00:00Z"}}})), trust.Options{Providers: known})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range d.Cosign().Keys {
		got = append(got, k.Name+" "+k.Version+" "+k.ValidUntil.Format("2006"))
	}
	for _, a := range d.Absent(reference.Reference{}) {
		got = append(got, a.Message)
	}
	want := []string{
		"release 1 2030", "release 2 2030",
		`key provider "vault": "release" version "all enabled": throttled`,
		`key provider "vault": "release" version "3": PEM block 1 is a CERTIFICATE, not a public key; put its authority into trusted_root and its owner into identities, or extract the key: openssl x509 -pubkey -noout`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is absent counts for the images whose statement wants it.
func TestAbsentIsOfTheStatementThatApplies(t *testing.T) {
	t.Parallel()
	doc := documentOf(
		policyOf(statement(nil), statement(tree{"name": "other", "registryScopes": []any{"other.example/app"}, "trustStores": []any{"ca:other"}})),
		tree{"ca:acme": []any{string(newCA(t).PEM())}, "ca:other": []any{tree{"provider": "vault", "name": "ca"}}},
	)
	d, err := trust.Parse(text(t, doc), trust.Options{Providers: providers{}})
	if err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]int{"acme.example/app": 0, "other.example/app": 1} {
		ref, err := reference.Parse(image)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Absent(ref); len(got) != want {
			t.Errorf("%s: %+v", image, got)
		}
	}
	if got := d.AbsentFor("other"); len(got) != 1 {
		t.Errorf("blob: %+v", got)
	}
}

// A key that is replaced, withdrawn or comes back makes another document.
func TestStale_provider(t *testing.T) {
	t.Parallel()
	ca, other := newCA(t), newCA(t)
	down := trust.Provided{Absent: []trust.Absent{{Message: "a", Unseen: true}}}
	for _, tt := range []struct {
		name          string
		before, after trust.Provided
		want          bool
	}{
		{"same", have(ca.PEM()), have(ca.PEM()), false},
		{"replaced", have(ca.PEM()), have(other.PEM()), true},
		{"added", have(ca.PEM()), have(ca.PEM(), other.PEM()), true},
		{"withdrawn", have(ca.PEM()), trust.Provided{Absent: []trust.Absent{{Message: "disabled"}}}, true},
		{"found", down, have(ca.PEM()), true},
		{"another request id", down, trust.Provided{Absent: []trust.Absent{{Message: "b", Unseen: true}}}, false},
		{"now it is known", down, trust.Provided{Absent: []trust.Absent{{Message: "a"}}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(0, 0)
			known := providers{"ca/": tt.before}
			o := trust.Options{Providers: known, Now: func() time.Time { return now }}
			raw := text(t, withMaterial([]any{tree{"provider": "vault", "name": "ca"}}))
			d, err := trust.Parse(raw, o)
			if err != nil {
				t.Fatal(err)
			}
			known["ca/"] = tt.after
			now = now.Add(time.Second)
			again, err := trust.Parse(raw, o)
			if err != nil {
				t.Fatal(err)
			}
			if d.Stale() != tt.want {
				t.Errorf("stale = %t", !tt.want)
			}
			if tt.want && d.Hash() == again.Hash() {
				t.Error("the hash is the same")
			}
		})
	}
}
