// SPDX-License-Identifier: Apache-2.0

// Package admission_test asks the real binary as the API server does: an AdmissionReview
// over TLS, to the bundle made for it.
package admission_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// binary is the freshly built opa-ratify.
var binary string

func TestMain(m *testing.M) {
	os.Exit(servetest.Main(m, func(built string) error {
		binary = built
		return nil
	}))
}

// scene is a server with bundles/admission and a registry of signed images.
type scene struct {
	registry *registrytest.Registry
	server   *servetest.Server
	images   []string
}

// newScene signs n images. The bundle trusts the signer unless broken, which is a trust
// document that trusts nobody.
func newScene(t *testing.T, n int, broken bool) *scene {
	t.Helper()
	servetest.WatchSources(t)
	s := &scene{registry: registrytest.Start(t, registrytest.Options{})}
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	signer, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	for i := range n {
		repo := fmt.Sprintf("app-%d", i)
		image, err := s.registry.PushImage(t.Context(), repo, "v1")
		fatal(t, err)
		_, err = signer.SignAndAttach(t.Context(), s.registry, repo, image, signtest.SignOptions{})
		fatal(t, err)
		s.images = append(s.images, s.registry.Host()+"/"+repo+":v1")
	}
	trust := ca.TrustDocument()
	if broken {
		trust = map[string]any{}
	}
	dir := t.TempDir()
	bundle := writeBundle(t, dir, s.registry.Host(), trust)
	s.server, err = servetest.Start(t.Context(), servetest.Options{Binary: binary, Dir: dir, Args: []string{"-b", bundle}})
	fatal(t, err)
	t.Cleanup(s.server.Stop)
	return s
}

// writeBundle copies bundles/admission and fills in its data.
func writeBundle(t *testing.T, dir, registry string, trust map[string]any) string {
	t.Helper()
	bundle := filepath.Join(dir, "bundle")
	fatal(t, os.CopyFS(bundle, os.DirFS(filepath.Join(servetest.Product, "bundles", "admission"))))
	fatal(t, os.Remove(filepath.Join(bundle, "trust", "data.yaml")))
	raw, err := json.Marshal(map[string]any{
		"policies":   []any{map[string]any{"name": "all", "scopes": []string{registry}, "trust": trust}},
		"documents":  map[string]any{},
		"namespaces": map[string]any{},
		"exemptions": map[string]any{},
	})
	fatal(t, err)
	fatal(t, os.WriteFile(filepath.Join(bundle, "trust", "data.json"), raw, 0o600))
	return bundle
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what the API server reads of an AdmissionReview.
type answer struct {
	Response struct {
		UID     string `json:"uid"`
		Allowed bool   `json:"allowed"`
		Status  struct {
			Message string `json:"message"`
		} `json:"status"`
		Patch []byte `json:"patch"`
	} `json:"response"`
}

// ask reviews a pod with the images. The query is what the API server adds.
func (s *scene) ask(t *testing.T, path string, images ...string) (int, *answer) {
	t.Helper()
	var containers []any
	for _, image := range images {
		containers = append(containers, map[string]any{"image": image})
	}
	review, err := json.Marshal(map[string]any{
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"request": map[string]any{
			"uid": "u-1", "operation": "CREATE", "namespace": "default",
			"object": map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": map[string]any{"containers": containers}},
		},
	})
	fatal(t, err)
	client, err := s.server.Certificates.Client()
	fatal(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+path+"?timeout=10s", bytes.NewReader(review))
	fatal(t, err)
	resp, err := client.Do(req)
	fatal(t, err)
	defer resp.Body.Close()
	var a answer
	if resp.StatusCode == http.StatusOK {
		fatal(t, json.NewDecoder(resp.Body).Decode(&a))
	}
	return resp.StatusCode, &a
}

const (
	validating = "/v0/data/ratify/admission/response"
	mutating   = "/v0/data/ratify/admission/mutation"
)

// TestImagesAreVerifiedTogether lets no image through the registry before all have been
// asked for: one after the other they would wait for ever. What was seen then is used.
func TestImagesAreVerifiedTogether(t *testing.T) {
	t.Parallel()
	s := newScene(t, 4, false)
	s.registry.Inject(registrytest.Fault{Reference: "v1", Action: registrytest.Custom(barrier(int64(len(s.images))))})
	status, a := s.ask(t, validating, s.images...)
	if status != http.StatusOK || !a.Response.Allowed || a.Response.UID != "u-1" {
		t.Fatalf("HTTP %d, %+v", status, a)
	}
	asked := map[string]int{}
	for _, r := range s.registry.Requests() {
		if r.Reference == "v1" && r.Method != http.MethodPut {
			asked[r.Repo]++
		}
	}
	for repo, n := range asked {
		if n != 1 {
			t.Errorf("the tag of %s was asked for %d times", repo, n)
		}
	}
}

// barrier answers only when n requests are there.
func barrier(n int64) func(http.Handler) http.Handler {
	var arrived atomic.Int64
	complete := make(chan struct{})
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if arrived.Add(1) == n {
				close(complete)
			}
			select {
			case <-complete:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		})
	}
}

func TestPatchPinsWhatWasVerified(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2, false)
	status, a := s.ask(t, mutating, s.images...)
	if status != http.StatusOK || !a.Response.Allowed {
		t.Fatalf("HTTP %d, %+v", status, a)
	}
	var operations []struct{ Op, Path, Value string }
	fatal(t, json.Unmarshal(a.Response.Patch, &operations))
	if len(operations) != len(s.images) {
		t.Fatalf("patch %s", a.Response.Patch)
	}
	for i, o := range operations {
		name := strings.TrimSuffix(s.images[i], ":v1") + "@sha256:"
		if o.Op != "replace" || o.Path != fmt.Sprintf("/spec/containers/%d/image", i) || !strings.HasPrefix(o.Value, name) {
			t.Errorf("operation %+v", o)
		}
	}
}

func TestFailingRegistryIsNoConsent(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2, false)
	s.registry.Inject(registrytest.Fault{Repo: "app-1", Action: registrytest.Status(http.StatusServiceUnavailable, nil)})
	for _, path := range []string{validating, mutating} {
		status, a := s.ask(t, path, s.images...)
		if status != http.StatusOK || a.Response.Allowed || !strings.Contains(a.Response.Status.Message, "spec.containers[1].image") {
			t.Errorf("%s: HTTP %d, %+v", path, status, a)
		}
	}
}

// A trust document that trusts nobody stops evaluation; the API server takes the status
// for a failure of the webhook, and failurePolicy: Fail denies.
func TestHaltedEvaluationIsNoConsent(t *testing.T) {
	t.Parallel()
	s := newScene(t, 1, true)
	for _, path := range []string{validating, mutating} {
		if status, _ := s.ask(t, path, s.images...); status != http.StatusInternalServerError {
			t.Errorf("%s: HTTP %d", path, status)
		}
	}
}
