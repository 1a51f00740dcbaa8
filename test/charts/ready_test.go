// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// A pod without a trust policy is not asked: nothing could be answered. Its log says so.
func TestWithoutTrustPolicyNotReady(t *testing.T) {
	t.Parallel()
	i := newImages(t)
	other := []byte("package other\n\nallow := true\n")
	for _, tt := range []struct {
		name   string
		values func(t *testing.T) map[string]any
		there  []*corev1.ConfigMap
	}{
		{"a ConfigMap", func(t *testing.T) map[string]any {
			return parse(t, `{policy: {source: configMap, configMap: {name: acme-trust, files: [.manifest, other.rego]}}}`)
		}, []*corev1.ConfigMap{configMap(map[string][]byte{".manifest": []byte(`{"roots": ["other"]}`), "other.rego": other})}},
		{"a ConfigMap with data alone", func(t *testing.T) map[string]any {
			return parse(t, `{policy: {source: configMap, configMap: {name: acme-trust, files: [data.yaml]}}}`)
		}, []*corev1.ConfigMap{configMap(map[string][]byte{"data.yaml": i.data(t)})}},
		{"a bundle", func(t *testing.T) map[string]any {
			return i.fromServer(t, build(t, map[string][]byte{".manifest": []byte(`{"roots": ["other"]}`), "other.rego": other}), map[string]any{})
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, tt.values(t))
			p.run(t, nil, tt.there)
			p.await(t, "answering probes", func(ctx context.Context) (bool, string) { return p.answers(ctx, t, "/health?bundles&plugins") })
			if ready, _ := p.ready(t.Context(), t); ready {
				t.Error("it is ready")
			}
			if want := "not ready: no trust policy is loaded"; !strings.Contains(p.printed(t), want) {
				t.Errorf("its log does not say %q:\n%s", want, p.printed(t))
			}
		})
	}
}

// A pod that lives on the last good keys stays ready: else all pods would go at once.
func TestReadyOnLastGoodKeys(t *testing.T) {
	t.Parallel()
	i := newImages(t)
	key := filepath.Join(t.TempDir(), "ca.crt")
	fatal(t, os.WriteFile(key, i.ca.PEM(), 0o600))
	p := startPod(t, map[string]any{
		"keyProviders": []any{map[string]any{"name": "disk", "type": "file", "path": key, "refresh_interval": "10s"}},
		"policy": map[string]any{
			"source":    "values",
			"policies":  []any{map[string]any{"name": "a", "scopes": []any{"*"}, "trust": "acme"}},
			"documents": map[string]any{"acme": i.trusting(map[string]any{"provider": "disk", "name": "ca.crt"})},
		},
	}, nil)
	p.judges(t, i)
	fatal(t, os.Remove(key))
	fatal(t, os.Symlink(key, key)) // it is there, and cannot be read
	p.await(t, "living on its last good keys", func(ctx context.Context) (bool, string) {
		ok, answer := p.answers(ctx, t, "/health?plugins")
		return !ok, answer
	})
	if ready, answer := p.ready(t.Context(), t); !ready {
		t.Errorf("it is not ready: %s\n%s", answer, p.printed(t))
	}
	p.judges(t, i)
}

// trusting is a trust document for the signer, by some material.
func (i images) trusting(material any) map[string]any {
	document := i.ca.TrustDocument()
	document["notation"].(map[string]any)["trust_stores"] = map[string]any{"ca:acme": []any{material}}
	return document
}

// Values that trust nobody deny every image, which is an answer.
func TestReadyWithoutTrust(t *testing.T) {
	t.Parallel()
	i := newImages(t)
	p := startPod(t, parse(t, `{policy: {source: values}}`), nil)
	for _, item := range p.items(t, "ratify-provider", i.signed, i.unsigned) {
		if !strings.Contains(string(item.Value), `"isSuccess":false`) {
			t.Errorf("answered %s", item)
		}
	}
}
