// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// images pushes an image to each of n repositories and returns their references.
func images(t *testing.T, w *world, n int) []reference.Reference {
	t.Helper()
	refs := make([]reference.Reference, 0, n)
	for i := range n {
		repository := fmt.Sprintf("team/app-%d", i)
		if _, err := w.PushImage(t.Context(), repository, "v1"); err != nil {
			t.Fatal(err)
		}
		refs = append(refs, reference.Reference{Registry: w.Host(), Repository: repository, Tag: "v1"})
	}
	w.ResetRequests()
	return refs
}

// resolveAll asks for all of refs at once.
func resolveAll(t *testing.T, c *registry.Client, refs []reference.Reference) {
	t.Helper()
	var wg sync.WaitGroup
	for _, ref := range refs {
		wg.Go(func() {
			if _, err := c.Resolve(t.Context(), ref); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// statuses counts the answers.
func statuses(w *world) map[int]int {
	counted := map[int]int{}
	for _, r := range w.Requests() {
		counted[r.Status]++
	}
	return counted
}

func TestNewRepositoryOfAKnownRegistryCostsItsTokenOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
	c := client(t, registry.Options{})
	refs := images(t, w, 2)
	resolveAll(t, c, refs[:1])
	w.ResetRequests()
	resolveAll(t, c, []reference.Reference{refs[1], refs[1], refs[1], refs[1]})
	if n := tokens(w); n != 1 {
		t.Errorf("%d tokens, want 1", n)
	}
	if diff := cmp.Diff(map[int]int{http.StatusOK: 5}, statuses(w)); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestBurstAtANewRegistryIsChallengedOnce(t *testing.T) {
	t.Parallel()
	for _, o := range []registrytest.Options{
		{Token: &registrytest.Token{}},
		{Token: &registrytest.Token{SeparateHost: true}},
		{TLS: true, Token: &registrytest.Token{}},
	} {
		w := newWorld(t, o)
		settings := registry.Options{}
		if o.TLS {
			settings.Registries = []registry.Registry{{Match: w.Host(), CA: w.CA()}}
		}
		c := client(t, settings)
		c.WaitToMeet()
		resolveAll(t, c, images(t, w, 20))
		want := map[int]int{http.StatusUnauthorized: 1, http.StatusOK: 40}
		if diff := cmp.Diff(want, statuses(w)); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	}
}

// The first request to a host may be the one that hangs.
func TestBurstDoesNotWaitForAFirstRequestThatHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
	refs := images(t, w, 9)
	arrived, release := make(chan struct{}, 8), make(chan struct{})
	w.Inject(registrytest.Fault{Repo: "hung", BeforeAuth: true, Action: registrytest.Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-release
			next.ServeHTTP(rw, r)
		})
	})})
	c, done := client(t, registry.Options{}), make(chan struct{})
	go func() {
		defer close(done)
		_, err := c.Resolve(t.Context(), reference.Reference{Registry: w.Host(), Repository: "hung", Tag: "v1"})
		if code, _ := registry.Classify(err); code != "not_found" {
			t.Errorf("the one that hung: %v", err)
		}
	}()
	<-arrived
	resolveAll(t, c, refs)
	close(release)
	<-done
}

func TestBurstsOverTLSShareConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{TLS: true, RedirectBlobs: true, Token: &registrytest.Token{SeparateHost: true}})
	c := client(t, registry.Options{Registries: []registry.Registry{{Match: w.Host(), CA: w.CA()}}})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := evidence(t.Context(), c, w.byDigest()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range []registrytest.Server{registrytest.ServerRegistry, registrytest.ServerBlobs, registrytest.ServerToken} {
		if n := w.Accepted(s); n > 2 {
			t.Errorf("%d connections to the server %s", n, s)
		}
	}
}

func TestConnectionsOfHTTP1AreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{RedirectBlobs: true})
	c := client(t, registry.Options{})
	for range 5 {
		resolveAll(t, c, images(t, w, 20))
		if err := fetchBlob(t.Context(), c, w); err != nil {
			t.Fatal(err)
		}
	}
	if at, blobs := w.Accepted(registrytest.ServerRegistry), w.Accepted(registrytest.ServerBlobs); at > 40 || blobs != 1 {
		t.Errorf("%d connections to the registry, %d to the blob server", at, blobs)
	}
}

func TestScopeIsAllThatPullingNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
	if _, err := pull(t.Context(), client(t, registry.Options{}), w); err != nil {
		t.Fatal(err)
	}
	var scopes []string
	for _, r := range w.Requests() {
		if r.Kind == registrytest.KindToken {
			scopes = append(scopes, strings.Join(r.Query["scope"], " "))
		}
	}
	if diff := cmp.Diff([]string{"repository:app:pull"}, scopes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
