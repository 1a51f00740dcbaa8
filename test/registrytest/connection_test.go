// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestFrozenConnectionsAreSilentAndNewOnesWork(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	kept := &http.Client{Transport: &http.Transport{}}
	defer kept.CloseIdleConnections()
	ping := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, reg.URL()+"/v2/", http.NoBody)
		if err != nil {
			return err
		}
		resp, err := kept.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	for range 2 {
		if err := ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := reg.Accepted(registrytest.ServerRegistry); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	reg.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the old connection: %v", err)
	}
	if err := ping(t.Context()); err != nil {
		t.Errorf("a new connection: %v", err)
	}
	if n := reg.Accepted(registrytest.ServerRegistry); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func TestETags(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{ETags: true})
	image := pushImage(t, reg, "app", "v1")
	for _, path := range []string{"/v2/app/referrers/" + image.Digest.String(), "/v2/app/manifests/v1"} {
		first := do(t, "", reg.URL()+path, nil)
		etag := first.Header.Get("ETag")
		if first.Status != http.StatusOK || etag == "" {
			t.Fatalf("%s: %d with ETag %q", path, first.Status, etag)
		}
		known := do(t, "", reg.URL()+path, http.Header{"If-None-Match": {etag}})
		other := do(t, "", reg.URL()+path, http.Header{"If-None-Match": {`"x"`}})
		if known.Status != http.StatusNotModified || len(known.Body) != 0 || other.Status != http.StatusOK {
			t.Errorf("%s: %d for the known one, %d for another", path, known.Status, other.Status)
		}
	}
	blob := do(t, "", reg.URL()+"/v2/app/manifests/"+image.Digest.String(), nil)
	if blob.Header.Get("ETag") != "" {
		t.Error("what never changes has an ETag")
	}
}
