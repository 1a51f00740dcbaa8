// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// conditional answers: how many of the requests had a condition, and how many
// were answered 304.
func conditional(w *world) (asked, unchanged int) {
	for _, r := range w.Requests() {
		if r.Header.Get("If-None-Match") != "" {
			asked++
		}
		if r.Status == http.StatusNotModified {
			unchanged++
		}
	}
	return asked, unchanged
}

func TestUnchangedListIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]registrytest.Options{
		"API":        {ETags: true},
		"pages":      {ETags: true, PageSize: 1},
		"tag schema": {ETags: true, NoReferrersAPI: true},
		"token":      {ETags: true, Token: &registrytest.Token{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, o)
			c := client(t, registry.Options{})
			want := 1
			for i := range 4 {
				if i == 2 { // the registry has to be asked, or this is missed
					w.attach(t, signatureType, "another")
					want = 2
				}
				w.ResetRequests()
				list, err := c.Referrers(t.Context(), w.byDigest(), signatureType)
				if err != nil || len(list) != want {
					t.Errorf("question %d: %d referrers, %v", i, len(list), err)
				}
				asked, unchanged := conditional(w)
				if first, same := i == 0, i%2 == 1; first == (asked > 0) || same && unchanged != asked || !same && unchanged == len(w.Requests()) {
					t.Errorf("question %d: %d conditional, %d unchanged of %q", i, asked, unchanged, w.arrived())
				}
			}
		})
	}
}

func TestNotModifiedWithoutAConditionIsInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.Inject(registrytest.Fault{Action: registrytest.Status(http.StatusNotModified, nil)})
	for i, ask := range all {
		err := ask(t.Context(), client(t, registry.Options{}), w)
		if code, retryable := registry.Classify(err); code != report.InvalidResponse || retryable {
			t.Errorf("question %d: got %s, %v: %v", i, code, retryable, err)
		}
	}
}

// What is broken once must not be believed for as long as its ETag stays.
func TestBrokenListIsNotRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{ETags: true})
	w.Inject(registrytest.Fault{Action: registrytest.Truncate(10), Times: 1})
	c := client(t, registry.Options{})
	if err := listReferrers(t.Context(), c, w); err == nil {
		t.Error("no error")
	}
	if err := listReferrers(t.Context(), c, w); err != nil {
		t.Error(err)
	}
	if asked, _ := conditional(w); asked != 0 {
		t.Errorf("%d conditional requests", asked)
	}
}

func TestMemoryIsOfOneCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{ETags: true})
	var credentials rotating
	c := client(t, registry.Options{Credentials: &credentials})
	for i, credential := range []auth.Credential{{}, user, {Username: "user", Password: "another"}, {AccessToken: "a"}, {AccessToken: "b"}} {
		credentials.now.Store(&credential)
		for j := range 2 {
			w.ResetRequests()
			if err := listReferrers(t.Context(), c, w); err != nil {
				t.Fatal(err)
			}
			if asked, _ := conditional(w); asked != j {
				t.Errorf("credential %d, question %d: %d conditional requests", i, j, asked)
			}
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		bytes int64
		etag  string
		want  int // conditional requests of the second round
	}{
		{"all", 0, `"x"`, 20},
		{"some", 10 << 10, `"x"`, 0}, // of 20 lists in turn, the oldest is always gone
		{"none", -1, `"x"`, 0},
		{"no ETag", 0, `x`, 0},
		{"half an ETag", 0, `"x`, 0},
		{"two ETags", 0, `"x","y"`, 0},
		{"a weak ETag", 0, `W/"x"`, 20},
		{"a huge ETag", 0, `"` + strings.Repeat("x", 1<<10) + `"`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			w.Inject(registrytest.Fault{Action: registrytest.Custom(func(http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
					rw.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
					rw.Header().Set("ETag", tt.etag)
					_, _ = rw.Write([]byte(`{"schemaVersion":2,"manifests":[]}`))
				})
			})})
			c := client(t, registry.Options{ConditionalBytes: tt.bytes})
			for range 2 {
				w.ResetRequests()
				for i := range 20 {
					if _, err := c.Referrers(t.Context(), w.byTag().WithDigest(digest.FromString(fmt.Sprint(i))), signatureType); err != nil {
						t.Fatal(err)
					}
				}
			}
			if asked, _ := conditional(w); asked != tt.want {
				t.Errorf("%d conditional requests, want %d", asked, tt.want)
			}
		})
	}
}

// What was altered on its way under the registry's own ETag is not believed for
// longer than half a minute.
func TestAListIsSentAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{ETags: true})
	w.attach(t, signatureType, "one")
	now := time.Now()
	c := client(t, registry.Options{Now: func() time.Time { return now }})
	for _, tt := range []struct {
		after time.Duration
		asked int
	}{{0, 0}, {10 * time.Second, 1}, {19 * time.Second, 1}, {2 * time.Second, 0}, {time.Second, 1}} {
		now = now.Add(tt.after)
		w.ResetRequests()
		if _, err := c.Referrers(t.Context(), w.byDigest(), signatureType); err != nil {
			t.Fatal(err)
		}
		if asked, _ := conditional(w); asked != tt.asked {
			t.Errorf("after %v: %d conditional requests, want %d", tt.after, asked, tt.asked)
		}
	}
}
