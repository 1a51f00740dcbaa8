// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	const base = `{registries: [{match: a.example, plain_http: true}], credentials: [{match: a.example, provider: anonymous}], cache: {tag_ttl: 5s}, timeout: null}`
	for _, tt := range []struct{ name, base, more, want string }{
		{"nothing", base, ``, base},
		{"to nothing", ``, base, base},
		{"settings stay", base, `{cache: {tag_ttl: 9s, entries: 7}}`, `{registries: [{match: a.example, plain_http: true}], credentials: [{match: a.example, provider: anonymous}], cache: {tag_ttl: 5s, entries: 7}, timeout: null}`},
		{"null is nothing", `{timeout: null}`, `{timeout: 3s}`, `{timeout: 3s}`},
		{"lists add", `{registries: [{match: a.example}]}`, `{registries: [{match: a.example, ca: x}, {match: b.example}]}`, `{registries: [{match: a.example}, {match: b.example}]}`},
		{"providers come after", `{credentials: [{match: a, provider: x}]}`, `{credentials: [{match: a, provider: y}]}`, `{credentials: [{match: a, provider: x}, {match: a, provider: y}]}`},
		{"another kind stays", `{registries: x}`, `{registries: [y]}`, `{registries: x}`},
	} {
		got, err := config.Join([]byte(tt.base), []byte(tt.more))
		if err != nil {
			t.Fatal(tt.name, err)
		}
		if diff := cmp.Diff(decoded(t, tt.want), decoded(t, string(got))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if _, err := config.Join([]byte("{"), nil); err == nil {
		t.Error("accepted what is not YAML")
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestResources(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(`{resources: {watch: kubernetes, namespaces: [team], namespaced: replace, resync: 1h}}`))
	if err != nil || c.Resources.Namespaced != config.NamespacedReplace {
		t.Fatal(c, err)
	}
	for raw, want := range map[string]string{
		`{resources: {watch: nomad}}`:                            `watch "nomad": not known; write kubernetes`,
		`{resources: {namespaces: [a]}}`:                         "write watch: kubernetes",
		`{resources: {watch: kubernetes, namespaces: [""]}}`:     "entry 0 is empty",
		`{resources: {watch: kubernetes, namespaced: override}}`: "write add or replace",
		`{resources: {watch: kubernetes, resync: 1s}}`:           "write 1m to 24h",
		`{resources: {watch: kubernetes, token: x}}`:             "looks like a credential",
		`{resources: {watch: kubernetes, kubeconfi: /etc/x}}`:    `did you mean "kubeconfig"?`,
	} {
		if _, err := config.Parse([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}
