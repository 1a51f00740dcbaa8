// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/opa-ratify/opa-ratify/builtins"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// shelf is a registry with images in every state that answers differ by.
type shelf struct {
	registry *registrytest.Registry
	trust    map[string]any
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{registry: registrytest.Start(t, registrytest.Options{})}
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	signer, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	stranger, err := signtest.SelfSigned(signtest.LeafOptions{})
	fatal(t, err)
	image, err := s.registry.PushImage(t.Context(), "signed", "v1")
	fatal(t, err)
	_, err = signer.SignAndAttach(t.Context(), s.registry, "signed", image, signtest.SignOptions{UserMetadata: map[string]string{"team": "a"}})
	fatal(t, err)
	_, err = stranger.SignAndAttach(t.Context(), s.registry, "signed", image, signtest.SignOptions{})
	fatal(t, err)
	index, children, err := s.registry.PushIndex(t.Context(), "index", "v1", "linux/amd64", "linux/arm64")
	fatal(t, err)
	for _, d := range append(children, index) {
		_, err = signer.SignAndAttach(t.Context(), s.registry, "index", d, signtest.SignOptions{})
		fatal(t, err)
	}
	_, err = s.registry.PushImage(t.Context(), "unsigned", "v1")
	fatal(t, err)
	s.trust = ca.TrustDocument()
	return s
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shelf) image(repo string) string { return s.registry.Host() + "/" + repo + ":v1" }

// eval evaluates a query whose answer is x.
func eval(t *testing.T, query string, input any) any {
	t.Helper()
	results, err := rego.New(rego.Query(query), rego.Input(input), rego.StrictBuiltinErrors(true)).Eval(t.Context())
	fatal(t, err)
	if len(results) != 1 {
		t.Fatalf("%s is undefined", query)
	}
	raw, err := json.Marshal(results[0].Bindings["x"])
	fatal(t, err)
	var x any
	fatal(t, json.Unmarshal(raw, &x))
	return x
}

// Every field that a declaration promises is in every answer, and no other.
func TestAnswersAreWhatWasDeclared(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	declared := map[string]types.Type{}
	for _, d := range builtins.Declarations() {
		declared[d.Name] = d.Decl.Result()
	}
	for _, image := range []string{s.image("signed"), s.image("index"), s.image("unsigned"), s.image("missing"), "not an image"} {
		for name, operand := range map[string]any{
			"ratify.verify":       map[string]any{"image": image, "trust": s.trust, "platform": "*"},
			"ratify.verify_all":   []any{map[string]any{"image": image, "trust": s.trust}, image},
			"ratify.resolve":      image,
			"ratify.attestations": map[string]any{"image": image, "trust": s.trust, "predicate_type": "https://slsa.dev/provenance/v1"},
			"ratify.artifacts":    map[string]any{"image": image, "trust": s.trust, "artifact_type": "application/vnd.cncf.notary.signature"},
			"ratify.verify_blob":  map[string]any{"bytes": "QQ==", "envelope": map[string]any{"image": image}, "trust": s.trust},
			"ratify.referrers":    map[string]any{"image": image},
			"ratify.manifest":     map[string]any{"image": image, "platform": "linux/arm64"},
			"ratify.image_config": map[string]any{"image": image, "platform": "linux/amd64"},
		} {
			t.Run(name+" "+image, func(t *testing.T) {
				t.Parallel()
				conforms(t, name, declared[name], eval(t, "x = "+name+"(input)", operand))
			})
		}
	}
	conforms(t, "ratify.reference.parse", declared["ratify.reference.parse"], eval(t, "x = ratify.reference.parse(input)", "nginx"))
}

// conforms compares a value with a type, field by field.
func conforms(t *testing.T, path string, typ types.Type, v any) {
	t.Helper()
	ok := false
	switch typ := typ.(type) {
	case types.String:
		_, ok = v.(string)
	case types.Boolean:
		_, ok = v.(bool)
	case types.Number:
		_, ok = v.(float64)
	case types.Any:
		ok = true
	case *types.Array:
		var list []any
		if list, ok = v.([]any); ok {
			for i, e := range list {
				conforms(t, fmt.Sprintf("%s[%d]", path, i), typ.Dynamic(), e)
			}
		}
	case *types.Object:
		var object map[string]any
		if object, ok = v.(map[string]any); ok {
			objectConforms(t, path, typ, object)
		}
	}
	if !ok {
		t.Errorf("%s is %T, declared %s", path, v, typ)
	}
}

func objectConforms(t *testing.T, path string, typ *types.Object, object map[string]any) {
	t.Helper()
	for _, key := range typ.Keys() {
		name := fmt.Sprint(key)
		if v, ok := object[name]; ok {
			conforms(t, path+"."+name, typ.Select(key), v)
		} else {
			t.Errorf("%s.%s is missing", path, name)
		}
	}
	for name := range object {
		if typ.DynamicValue() == nil && !slices.ContainsFunc(typ.Keys(), func(k any) bool { return k == any(name) }) {
			t.Errorf("%s.%s was not declared", path, name)
		}
	}
}

func TestAnswersSayWhatIsThere(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for _, tt := range []struct {
		name, query string
		operand     any
		want        any
	}{
		{"signed image", "x = ratify.verify(input).verdict", map[string]any{"image": s.image("signed"), "trust": s.trust}, "verified"},
		{"annotation as demanded", "x = ratify.verify(input).verdict", map[string]any{"image": s.image("signed"), "trust": s.trust, "annotations": map[string]any{"team": "a"}}, "verified"},
		{"other annotation demanded", "x = ratify.verify(input).errors[0].code", map[string]any{"image": s.image("signed"), "trust": s.trust, "annotations": map[string]any{"team": "b"}}, "annotation_mismatch"},
		{"who signed", "x = [g.signer.subject | some g in ratify.verify(input).signatures; g.verified]", map[string]any{"image": s.image("signed"), "trust": s.trust}, []any{"CN=release,O=Acme,ST=WA,C=US"}},
		{"by which policy", "x = [g.trust.policy | some g in ratify.verify(input).signatures; g.verified]", map[string]any{"image": s.image("signed"), "trust": s.trust}, []any{"release"}},
		{"every child", "x = [p.verdict | some p in ratify.verify(input).platforms]", map[string]any{"image": s.image("index"), "trust": s.trust, "platform": "*"}, []any{"verified", "verified"}},
		{"many, in order", "x = [r.verdict | some r in ratify.verify_all(input)]", []any{
			map[string]any{"image": s.image("unsigned"), "trust": s.trust},
			map[string]any{"image": s.image("signed"), "trust": s.trust},
			map[string]any{"image": s.image("missing"), "trust": s.trust},
		}, []any{"rejected", "verified", "inconclusive"}},
		{"what is attached", "x = count(ratify.referrers(input).referrers)", map[string]any{"image": s.image("signed"), "artifact_type": "application/vnd.cncf.notary.signature"}, 2.0},
		{"of another type", "x = ratify.referrers(input).referrers", map[string]any{"image": s.image("signed"), "artifact_type": "application/spdx+json"}, []any{}},
		{"manifest of an index", "x = count(ratify.manifest(input).manifest.manifests)", s.image("index"), 2.0},
		{"configuration of a child", "x = ratify.image_config(input).config.architecture", map[string]any{"image": s.image("index"), "platform": "linux/arm64"}, "arm64"},
		{"configuration of an index", "x = ratify.image_config(input).errors[0].code", s.image("index"), "platform_not_found"},
		{"missing", "x = ratify.manifest(input).errors[0].code", s.image("missing"), "not_found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := eval(t, tt.query, tt.operand); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// One query sees one world, whatever the tag does meanwhile.
func TestOneQueryOneImage(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	first, err := s.registry.PushImage(t.Context(), "moving", "v1")
	fatal(t, err)
	second, err := s.registry.PushImage(t.Context(), "moving", "other")
	fatal(t, err)
	s.registry.Inject(registrytest.Fault{Kind: registrytest.KindManifest, Reference: "v1", Action: registrytest.Alternate(first.Digest, second.Digest)})
	x := eval(t, "x = count({d | some _ in numbers.range(1, 20); d := ratify.resolve(input).digest})", s.image("moving"))
	if x != 1.0 {
		t.Errorf("%v digests in one query", x)
	}
}
