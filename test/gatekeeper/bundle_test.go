// SPDX-License-Identifier: Apache-2.0

package gatekeeper_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/unversioned"
	"github.com/open-policy-agent/frameworks/constraint/pkg/externaldata"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// provider is what a template asks: the running binary, as Gatekeeper asks it.
type provider struct {
	*unversioned.Provider
	send sender
}

// serveBundle runs the binary with the bundle's rules, told whom to trust.
func (s *scene) serveBundle(t *testing.T, more map[string]any) provider {
	t.Helper()
	rules, err := os.ReadFile(filepath.Join(servetest.Product, "bundles", "gatekeeper", "trust", "trust.rego"))
	fatal(t, err)
	var keys struct {
		Trust map[string]any `json:"trust"`
	}
	fatal(t, json.Unmarshal(s.trust, &keys))
	data := map[string]any{
		"policies":  []any{map[string]any{"name": "acme", "scopes": []string{s.registry.Host()}, "trust": "release"}},
		"documents": keys.Trust, "namespaces": map[string]any{}, "exemptions": map[string]any{},
	}
	maps.Copy(data, more)
	s.trust, err = json.Marshal(map[string]any{"trust": data})
	fatal(t, err)
	p, send := s.serve(t, string(rules), "/ratify/gatekeeper/v1/verify", patient)
	return provider{p, send}
}

// judge evaluates a shipped template about a review; the client, the conversion to
// Rego and the handling of errors are the constraint framework's.
func (p provider) judge(t *testing.T, kind string, parameters, review map[string]any) []string {
	t.Helper()
	template := templates(t)[kind]
	options := []func(*rego.Rego){
		rego.Query("data." + template.Metadata.Name + ".violation[_].msg"),
		rego.Input(map[string]any{"review": review, "parameters": parameters}),
		rego.Function1(&rego.Function{
			Name: "external_data", Decl: types.NewFunction(types.Args(types.A), types.A), Nondeterministic: true,
		}, func(bctx rego.BuiltinContext, request *ast.Term) (*ast.Term, error) {
			return externalData(bctx.Context, p.Provider, p.send, request)
		}),
	}
	for _, m := range template.modules(t) {
		options = append(options, rego.ParsedModule(m))
	}
	results, err := rego.New(options...).Eval(t.Context())
	fatal(t, err)
	var messages []string
	for _, r := range results {
		message, ok := r.Expressions[0].Value.(string)
		if !ok {
			t.Fatalf("msg is %T", r.Expressions[0].Value)
		}
		messages = append(messages, message)
	}
	return messages
}

// pod is a review of a new pod with one container per image.
func pod(images ...string) map[string]any {
	var containers []any
	for _, image := range images {
		containers = append(containers, map[string]any{"name": "c", "image": image})
	}
	return creation(map[string]any{"kind": "Pod", "spec": map[string]any{"containers": containers}})
}

func creation(object map[string]any) map[string]any {
	return map[string]any{"operation": "CREATE", "namespace": "shop", "object": object}
}

// expect wants no violation if text is empty, else one that contains it.
func expect(t *testing.T, got []string, text string) {
	t.Helper()
	found := slices.ContainsFunc(got, func(m string) bool { return strings.Contains(m, text) })
	if (len(got) > 0) != (text != "") || (text != "" && !found) {
		t.Errorf("violations %q, want %q", got, text)
	}
}

func TestRatifyVerification(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.serveBundle(t, nil)
	template := func(spec map[string]any) map[string]any {
		return map[string]any{"spec": map[string]any{"replicas": 0, "template": map[string]any{"spec": spec}}}
	}
	container := func(image any) []any { return []any{map[string]any{"name": "c", "image": image}} }
	for _, tt := range []struct {
		name   string
		review map[string]any
		want   string
	}{
		{"good", pod(s.signed), ""},
		{"unsigned", pod(s.unsigned), "Subject failed verification: " + s.unsigned},
		{"one of two unsigned", pod(s.signed, s.unsigned), "Subject failed verification: " + s.unsigned},
		{"not an image", pod("https://registry.example/app"), "https://registry.example/app"},
		{"not a string", creation(map[string]any{"spec": map[string]any{"containers": container(7)}}), "spec.containers.0.image is not a string"},
		{"init container", creation(map[string]any{"spec": map[string]any{"initContainers": container(s.unsigned)}}), s.unsigned},
		{"ephemeral container", creation(map[string]any{"spec": map[string]any{"ephemeralContainers": container(s.unsigned)}}), s.unsigned},
		{"image volume", creation(map[string]any{"spec": map[string]any{
			"volumes": []any{map[string]any{"image": map[string]any{"reference": s.unsigned}}},
		}}), s.unsigned},
		{"no replicas", creation(template(map[string]any{"containers": container(s.unsigned)})), s.unsigned},
		{"cron job", creation(map[string]any{"spec": map[string]any{"jobTemplate": template(map[string]any{"containers": container(s.unsigned)})}}), s.unsigned},
		{"signed template", creation(template(map[string]any{"containers": container(s.signed)})), ""},
		{"no image", creation(map[string]any{"kind": "ConfigMap"}), ""},
		{"no object", map[string]any{"operation": "CREATE"}, "has no object"},
		{"audit", map[string]any{"object": map[string]any{"metadata": map[string]any{"namespace": "shop"}, "spec": map[string]any{"containers": container(s.unsigned)}}}, s.unsigned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, p.judge(t, "RatifyVerification", nil, tt.review), tt.want)
		})
	}
}

// What is on its way out must be able to go; what brings a new image is verified.
func TestUpdatesAndDeletions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.serveBundle(t, nil)
	review := func(operation, part, image string, old map[string]any) map[string]any {
		r := pod(image)
		r["operation"], r["subResource"], r["oldObject"] = operation, part, old
		return r
	}
	object := func(r map[string]any, deleted string) map[string]any {
		o, ok := r["object"].(map[string]any)
		if !ok {
			t.Fatalf("no object in %v", r)
		}
		o["metadata"] = map[string]any{"deletionTimestamp": deleted}
		return o
	}
	for _, tt := range []struct {
		name   string
		review map[string]any
		want   string
	}{
		{"deletion", review("DELETE", "", s.unsigned, nil), ""},
		{"update", review("UPDATE", "", s.unsigned, object(pod(s.unsigned), "")), s.unsigned},
		{"update of what is being deleted", review("UPDATE", "", s.unsigned, object(pod(s.unsigned), "2026-01-01T00:00:00Z")), ""},
		{"new image in what is being deleted", review("UPDATE", "", s.unsigned, object(pod(s.signed), "2026-01-01T00:00:00Z")), s.unsigned},
		{"status", review("UPDATE", "status", s.unsigned, object(pod(s.unsigned), "")), ""},
		{"ephemeral containers", review("UPDATE", "ephemeralcontainers", s.unsigned, object(pod(s.signed), "")), s.unsigned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, p.judge(t, "RatifyVerification", nil, tt.review), tt.want)
		})
	}
}

// A provider that cannot be asked, or does not answer about every image, is no consent.
func TestSilenceIsNoConsent(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.serveBundle(t, nil)
	down, stranger := provider{p.DeepCopy(), p.send}, provider{p.Provider, sending(nil)}
	down.Spec.URL = "https://127.0.0.1:1/ratify/gatekeeper/v1/verify"
	altered := func(change func(*externaldata.Response)) provider {
		return provider{p.Provider, func(ctx context.Context, q *unversioned.Provider, keys []string) (*externaldata.ProviderResponse, int, error) {
			response, status, err := p.send(ctx, q, keys)
			if err == nil {
				change(&response.Response)
			}
			return response, status, err
		}}
	}
	for _, tt := range []struct {
		name       string
		provider   provider
		parameters map[string]any
		want       string
	}{
		{"as it is", p, nil, ""},
		{"down", down, nil, "System error calling external data provider"},
		{"without a certificate", stranger, nil, "certificate"},
		{"of another name", p, map[string]any{"provider": "nobody"}, "no such provider"},
		{"system error", altered(func(r *externaldata.Response) { r.SystemError = "halted" }), nil, "halted"},
		{"nothing", altered(func(r *externaldata.Response) { r.Items = nil }), nil, "says nothing about " + s.signed},
		{"about another image", altered(func(r *externaldata.Response) { r.Items[0].Key = s.unsigned }), nil, "says nothing about " + s.signed},
		{"an error", altered(func(r *externaldata.Response) { r.Items[0].Error = "broken" }), nil, "broken"},
		{"a string", altered(func(r *externaldata.Response) { r.Items[0].Value = "true" }), nil, "Subject failed verification"},
		{"both ways", altered(func(r *externaldata.Response) {
			r.Items = append(r.Items, externaldata.Item{Key: r.Items[0].Key, Value: map[string]any{"isSuccess": false}})
		}), nil, "Subject failed verification"},
		{"no flag", altered(func(r *externaldata.Response) { r.Items[0].Value = map[string]any{"verdict": "verified"} }), nil, "Subject failed verification"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, tt.provider.judge(t, "RatifyVerification", tt.parameters, pod(s.signed)), tt.want)
		})
	}
}

// One image of two is answered beside the system error that names the other; a template
// that only looks for denials admits both if the system error gets lost.
func TestPartialAnswerDenies(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.registry.Inject(registrytest.Fault{Repo: "unsigned", Action: registrytest.Status(503, nil)})
	p := s.serveBundle(t, nil)
	expect(t, p.judge(t, "RatifyVerification", nil, pod(s.signed, s.unsigned)), "System error calling external data provider: [shop]"+s.unsigned)
	lossy := provider{p.Provider, func(ctx context.Context, q *unversioned.Provider, keys []string) (*externaldata.ProviderResponse, int, error) {
		response, status, err := p.send(ctx, q, keys)
		if err == nil {
			response.Response.SystemError = ""
		}
		return response, status, err
	}}
	expect(t, lossy.judge(t, "RatifyVerification", nil, pod(s.signed, s.unsigned)), "says nothing about "+s.unsigned)
	if forgetful := violations(t, p.Provider, lossy.send, "isSuccess", s.signed, s.unsigned); len(forgetful) > 0 {
		t.Errorf("the forgetful template denies too: %q", forgetful)
	}
}

// Keys carry the namespace, whose demands count besides the cluster's.
func TestNamespacesAreAskedFor(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.serveBundle(t, map[string]any{"namespaces": map[string]any{"shop": map[string]any{"policies": []any{map[string]any{
		"name": "shop", "scopes": []string{"*"}, "trust": map[string]any{"cosign": map[string]any{"keys": []string{}}},
	}}}}})
	other := pod(s.signed)
	other["namespace"] = "other"
	if got := p.judge(t, "RatifyVerification", nil, pod(s.signed)); len(got) == 0 {
		t.Error("the demand of the namespace is not heard")
	}
	expect(t, p.judge(t, "RatifyVerification", nil, other), "")
	expect(t, p.judge(t, "RatifyVerification", map[string]any{"namespaced": false}, pod(s.signed)), "")
}
