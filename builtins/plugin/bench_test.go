// SPDX-License-Identifier: Apache-2.0

package plugin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/logging"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/server"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/opa-ratify/opa-ratify/builtins/plugin"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// ownPolicy is the one that DESIGN shows.
const ownPolicy = `package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release})

reasons contains e.message if some e in report.errors`

// BenchmarkCached1 asks about one image that is known, through the handler of
// OPA's server but without connection and TLS.
func BenchmarkCached1(b *testing.B) { benchmarkCached(b, 1) }

// BenchmarkCached50 asks about fifty of them; cpu-ns/key is what to compare.
func BenchmarkCached50(b *testing.B) { benchmarkCached(b, 50) }

func benchmarkCached(b *testing.B, keys int) {
	b.Helper()
	registry := registrytest.Start(b, registrytest.Options{})
	ca, err := signtest.NewCA(signtest.CAOptions{})
	must(b, err)
	images := signed(b, registry, ca, keys)
	for _, policy := range []struct {
		name, module string
		data         map[string]any
	}{
		{"own", ownPolicy, map[string]any{"release": ca.TrustDocument()}},
		{"default-bundle", file(b, "../../bundles/default/trust/trust.rego"), map[string]any{
			"policies":  []any{map[string]any{"name": "release", "scopes": []any{registry.Host()}, "trust": "release"}},
			"documents": map[string]any{"release": ca.TrustDocument()},
		}},
	} {
		for _, store := range []string{"raw", "terms"} { // terms: opa run --optimize-store-for-read-speed
			b.Run("policy="+policy.name+"/store="+store, func(b *testing.B) {
				data := inmem.NewWithOpts(inmem.OptReturnASTValuesOnRead(store == "terms"))
				handler := serve(b, data, policy.module, map[string]any{"trust": policy.data})
				ask(b, handler, images)
				b.ReportAllocs()
				before := processorTime(b)
				for b.Loop() {
					ask(b, handler, images)
				}
				b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N*keys), "cpu-ns/key")
			})
		}
	}
}

// processorTime is what the process has used, which other processes disturb less
// than the time that passes.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func file(b *testing.B, name string) string {
	b.Helper()
	text, err := os.ReadFile(name)
	must(b, err)
	return string(text)
}

// signed pushes so many images and signs them with one key.
func signed(b *testing.B, registry *registrytest.Registry, ca *signtest.CA, n int) []string {
	b.Helper()
	signer, err := ca.Leaf(signtest.LeafOptions{})
	must(b, err)
	images := make([]string, n)
	for i := range images {
		repo := fmt.Sprintf("app%d", i)
		image, err := registry.PushImage(b.Context(), repo, "v1")
		must(b, err)
		_, err = signer.SignAndAttach(b.Context(), registry, repo, image, signtest.SignOptions{})
		must(b, err)
		images[i] = registry.Host() + "/" + repo + ":v1"
	}
	return images
}

// serve returns the handler of OPA's server with the plugin, the library and a
// policy.
func serve(b *testing.B, store storage.Store, policy string, data map[string]any) http.Handler {
	b.Helper()
	logger := logging.New()
	logger.SetLevel(logging.Error)
	m, err := plugins.New([]byte("{}"), "bench", store, plugins.Logger(logger),
		plugins.InitFiles(loader.Result{Documents: data, Modules: modules(b, policy)}))
	must(b, err)
	must(b, m.Init(b.Context()))
	b.Cleanup(func() { m.Stop(context.Background()) })
	section, err := plugin.Factory{}.Validate(m, []byte(`{"cache": {"tag_ttl": "1h", "referrers_ttl": "1h"}, "gatekeeper": {"timeout": "30s"}}`))
	must(b, err)
	m.Register(plugin.Name, plugin.Factory{}.New(m, section))
	must(b, m.Start(b.Context()))
	s, err := server.New().WithStore(m.Store).WithManager(m).Init(b.Context())
	must(b, err)
	return s.Handler
}

// modules are the library and a policy.
func modules(b *testing.B, policy string) map[string]*loader.RegoFile {
	b.Helper()
	files := map[string]*loader.RegoFile{}
	add := func(name, text string) {
		parsed, err := ast.ParseModule(name, text)
		must(b, err)
		files[name] = &loader.RegoFile{Name: name, Parsed: parsed, Raw: []byte(text)}
	}
	add("policy.rego", policy)
	for _, name := range library(b) {
		add(name, file(b, name))
	}
	return files
}

// ask posts a provider request and insists that every key is admitted.
func ask(b *testing.B, handler http.Handler, keys []string) {
	b.Helper()
	body, err := json.Marshal(map[string]any{
		"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest", "request": map[string]any{"keys": keys},
	})
	must(b, err)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/ratify/gatekeeper/v1/verify", bytes.NewReader(body))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if n := bytes.Count(w.Body.Bytes(), []byte(`"succeeded":true`)); n != len(keys) {
		b.Fatalf("%d of %d admitted: %.500s", n, len(keys), w.Body)
	}
}
