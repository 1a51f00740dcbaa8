// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// provider gives one answer, whatever it is asked.
type provider trust.Provided

func (provider) Names() []string { return []string{"vault"} }

func (p provider) Material(string, string, string) trust.Provided {
	return trust.Provided{Versions: p.Versions, Absent: slices.Clone(p.Absent)}
}

// trusting is a document whose certificates come from p, beside those given.
func trusting(t *testing.T, p provider, beside map[string]any) *trust.Document {
	t.Helper()
	stores := map[string]any{"ca:vault": []any{map[string]string{"provider": "vault", "name": "release"}}}
	names := []string{"ca:vault"}
	for name, store := range beside {
		stores[name], names = store, append(names, name)
	}
	raw := must(json.Marshal(map[string]any{"notation": map[string]any{
		"trust_policy": map[string]any{"version": "1.0", "trustPolicies": []any{map[string]any{
			"name": "all", "registryScopes": []string{"*"}, "trustStores": names, "trustedIdentities": []string{"*"},
			"signatureVerification": map[string]any{"level": "strict", "override": map[string]string{"revocation": "skip"}},
		}}},
		"trust_stores": stores,
	}}))(t)
	return must(trust.Parse(raw, trust.Options{Providers: p}))(t)
}

// Certificates that a key provider does not give reject what they would have
// accepted if the provider says that they are withdrawn; if nobody knows, so does
// the report. What is there counts meanwhile.
func TestVerify_materialThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, func(*verify.Options) {})
	w.signed(t, "app", w.release, signtest.SignOptions{})
	blob := ocispec.Descriptor{MediaType: "text/plain", Digest: digest.FromString("x"), Size: 1}
	envelope := must(w.release.Sign(t.Context(), blob, signtest.SignOptions{}))(t)
	disabled := provider{Absent: []trust.Absent{{Message: "disabled"}}}
	down := provider{Absent: []trust.Absent{{Message: "connection refused", Unseen: true, Retryable: true}}}
	there := provider{Versions: []trust.Version{{Raw: w.ca.PEM()}}}
	stranger := must(signtest.NewCA(signtest.CAOptions{}))(t)
	store := func(ca *signtest.CA) map[string]any { return map[string]any{"ca:beside": []string{string(ca.PEM())}} }
	for _, tt := range []struct {
		name   string
		given  provider
		beside map[string]any
		want   report.Verdict
		says   string
	}{
		{"there", there, nil, report.Verified, ""},
		{"disabled", disabled, nil, report.Rejected, "disabled"},
		{"down", down, nil, report.Inconclusive, "connection refused"},
		{"down, another store accepts", down, store(w.ca), report.Verified, ""},
		{"down, another store does not", down, store(stranger), report.Inconclusive, "connection refused"},
		{"disabled, another store does not", disabled, store(stranger), report.Rejected, "disabled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			doc := trusting(t, tt.given, tt.beside)
			r := w.engine.Verify(t.Context(), verify.Request{Image: w.Host() + "/app:v1", Trust: doc})
			wantWithheld(t, r, tt.want, tt.says)
			r = w.engine.VerifyBlob(t.Context(), verify.BlobRequest{Blob: verify.Blob{Digest: blob.Digest, Envelope: envelope.Bytes}, Trust: doc})
			wantWithheld(t, r, tt.want, tt.says)
		})
	}
}

func wantWithheld(t *testing.T, r *report.Report, want report.Verdict, says string) {
	t.Helper()
	var said string
	for _, e := range r.Errors {
		if e.Code == report.NoTrustMaterial && strings.HasPrefix(e.Message, `key provider "vault": "release": `) {
			said = e.Message
		}
	}
	if r.Verdict != want || !strings.HasSuffix(said, says) || (said == "") != (says == "") {
		t.Errorf("verdict %s, want %s; said %q, want %q\n%+v", r.Verdict, want, said, says, r.Errors)
	}
}
