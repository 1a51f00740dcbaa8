// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func digests(list []ocispec.Descriptor) []digest.Digest {
	found := make([]digest.Digest, 0, len(list))
	for _, d := range list {
		found = append(found, d.Digest)
	}
	return found
}

func TestReferrersAreFiltered(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]registrytest.Options{
		"API": {}, "API in pages": {PageSize: 2}, "tag schema": {NoReferrersAPI: true},
	} {
		for _, faults := range [][]registrytest.Action{nil, {registrytest.FilterIgnored()}, {registrytest.FilterClaimed()}} {
			w := newWorld(t, o)
			for i := range 5 {
				w.attach(t, "application/vnd.example.sbom", fmt.Sprint("sbom", i))
			}
			second, _ := w.attach(t, signatureType, "second")
			for _, action := range faults {
				w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: action})
			}
			c := client(t, registry.Options{})
			got, err := c.Referrers(t.Context(), w.byDigest(), signatureType)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			want := map[digest.Digest]bool{w.signature.Digest: true, second.Digest: true}
			if len(got) != 2 || !want[got[0].Digest] || !want[got[1].Digest] {
				t.Errorf("%s: got %v", name, digests(got))
			}
			if everything, err := c.Referrers(t.Context(), w.byDigest(), ""); err != nil || len(everything) != 7 {
				t.Errorf("%s: all: %d, %v", name, len(everything), err)
			}
		}
	}
}

func TestWrongArtifactTypesAreReadFromTheManifest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.attach(t, "application/vnd.example.sbom", "sbom")
	w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: registrytest.WrongArtifactType()})
	got, err := client(t, registry.Options{}).Referrers(t.Context(), w.byDigest(), signatureType)
	if err != nil || len(got) != 1 || got[0].Digest != w.signature.Digest || got[0].ArtifactType != signatureType {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestUnreportedArtifactTypesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	list := make([]ocispec.Descriptor, 0, 100)
	for i := range 100 {
		list = append(list, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString(fmt.Sprint(i)), Size: 1})
	}
	bare := w.signature
	bare.ArtifactType = ""
	w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: registrytest.Referrers(append([]ocispec.Descriptor{bare}, list...)...)})
	got, err := client(t, registry.Options{}).Referrers(t.Context(), w.byDigest(), signatureType)
	if code, _ := registry.Classify(err); code != report.TooMany || len(got) != 1 || got[0].Digest != w.signature.Digest {
		t.Errorf("got %v, %v", digests(got), err)
	}
	if n := len(w.Requests()); n > 65 {
		t.Errorf("%d requests", n)
	}
}

func TestUnusableReferrersAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	good := w.signature
	bad := []ocispec.Descriptor{good, good, good, good, good}
	bad[0].Digest, bad[1].Digest, bad[2].Size, bad[3].Size = "sha256:short", "md5:d41d8cd98f00b204e9800998ecf8427e", 0, -1
	bad[4].Digest = w.image.Digest
	w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: registrytest.Referrers(append(bad, good, good)...)})
	got, err := client(t, registry.Options{}).Referrers(t.Context(), w.byDigest(), signatureType)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]digest.Digest{good.Digest}, digests(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimitsGiveWhatWasSeen(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limits registry.Limits
		want   int
	}{
		"referrers": {registry.Limits{Referrers: 3}, 3},
		"pages":     {registry.Limits{ReferrerPages: 2}, 4},
	} {
		w := newWorld(t, registrytest.Options{PageSize: 2})
		for i := range 6 {
			w.attach(t, signatureType, fmt.Sprint(i))
		}
		got, err := client(t, registry.Options{Limits: tt.limits}).Referrers(t.Context(), w.byDigest(), signatureType)
		if code, retryable := registry.Classify(err); code != report.TooMany || retryable || len(got) != tt.want {
			t.Errorf("%s: %d, %v", name, len(got), err)
		}
	}
}

func TestListThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	for _, status := range []int{404, 500} {
		w := newWorld(t, registrytest.Options{PageSize: 1})
		w.attach(t, signatureType, "second")
		w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Skip: 1, Action: registrytest.Status(status, nil)})
		got, err := client(t, registry.Options{Retries: -1}).Referrers(t.Context(), w.byDigest(), signatureType)
		if err == nil || len(got) != 1 {
			t.Errorf("%d: %d, %v", status, len(got), err)
		}
	}
}

func TestTagSchemaOnlyOnNotFound(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 405, 406, 429, 500, 501, 503} {
		w := newWorld(t, registrytest.Options{NoReferrersAPI: true})
		w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: registrytest.Status(status, nil)})
		if got, err := client(t, registry.Options{Retries: -1}).Referrers(t.Context(), w.byDigest(), signatureType); err == nil {
			t.Errorf("%d: %v", status, got)
		}
	}
}

func TestTagSchemaFailuresAreNotEmptyLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		action registrytest.Action
		code   report.Code
	}{
		{registrytest.Status(403, nil), report.Unauthorized},
		{registrytest.Status(500, nil), report.Unavailable},
		{registrytest.Replace([]byte("{}")), report.DigestMismatch},
		{registrytest.WrongContentType("application/vnd.docker.distribution.manifest.list.v2+json"), report.InvalidResponse},
	} {
		w := newWorld(t, registrytest.Options{NoReferrersAPI: true})
		w.Inject(registrytest.Fault{Kind: registrytest.KindManifest, Action: tt.action})
		_, err := client(t, registry.Options{Retries: -1}).Referrers(t.Context(), w.byDigest(), signatureType)
		if code, _ := registry.Classify(err); code != tt.code {
			t.Errorf("got %s, want %s: %v", code, tt.code, err)
		}
	}
}

func TestNoReferrersIsAnEmptyList(t *testing.T) {
	t.Parallel()
	for _, o := range []registrytest.Options{{}, {NoReferrersAPI: true}} {
		w := &world{Registry: registrytest.Start(t, o)}
		var err error
		if w.image, err = w.PushImage(t.Context(), "app", "v1"); err != nil {
			t.Fatal(err)
		}
		got, err := client(t, registry.Options{}).Referrers(t.Context(), w.byDigest(), signatureType)
		if err != nil || len(got) != 0 {
			t.Errorf("%+v: %v, %v", o, got, err)
		}
	}
}

func TestMissingReferrersAPIIsRememberedForAWhile(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, registrytest.Options{NoReferrersAPI: true})
	c := client(t, registry.Options{Now: clock.Now})
	for i, want := range []int{2, 1, 2} {
		w.ResetRequests()
		if err := listReferrers(t.Context(), c, w); err != nil {
			t.Fatal(err)
		}
		if n := len(w.Requests()); n != want {
			t.Errorf("list %d: %d requests, want %d: %q", i, n, want, w.arrived())
		}
		if i == 1 {
			clock.Advance(time.Hour)
		}
	}
}

func TestPassingFailureTeachesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	c := client(t, registry.Options{Retries: -1})
	remove := w.Inject(registrytest.Fault{Action: registrytest.Status(503, nil)})
	if err := listReferrers(t.Context(), c, w); err == nil {
		t.Fatal("no error")
	}
	remove()
	if got, err := c.Referrers(t.Context(), w.byDigest(), signatureType); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestUnknownRepository(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		o    registrytest.Options
		code report.Code // "" for an empty list
	}{
		{"both answers say that the name is unknown", registrytest.Options{}, report.NotFound},
		{"the list says only that the API is", registrytest.Options{NoReferrersAPI: true}, ""},
	} {
		w := newWorld(t, tt.o)
		ref := w.byDigest()
		ref.Repository = "missing"
		got, err := client(t, registry.Options{}).Referrers(t.Context(), ref, signatureType)
		var code report.Code
		if err != nil {
			code, _ = registry.Classify(err)
		}
		if len(got) != 0 || code != tt.code {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
}

func TestTagThatLeadsToTheSubjectIsAnEmptyList(t *testing.T) {
	t.Parallel()
	w := &world{Registry: registrytest.Start(t, registrytest.Options{NoReferrersAPI: true})}
	var err error
	if w.image, _, err = w.PushIndex(t.Context(), "app", "v1", "linux/amd64"); err != nil {
		t.Fatal(err)
	}
	tag := "sha256-" + w.image.Digest.Encoded()
	if err := w.Tag(t.Context(), "app", tag, w.image.Digest); err != nil {
		t.Fatal(err)
	}
	if got, err := client(t, registry.Options{}).Referrers(t.Context(), w.byDigest(), ""); err != nil || len(got) != 0 {
		t.Errorf("its children are taken for referrers: %v, %v", got, err)
	}
}

// A 404 about the image, or from a registry that has been seen to have the API,
// says nothing about the API.
func TestNotFoundThatTeachesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, code string
		seen       bool
	}{{"unknown image", "MANIFEST_UNKNOWN", false}, {"unknown repository", "NAME_UNKNOWN", false}, {"a moment without the API", "", true}} {
		w := newWorld(t, registrytest.Options{})
		c := client(t, registry.Options{})
		if tt.seen {
			if err := listReferrers(t.Context(), c, w); err != nil {
				t.Fatal(err)
			}
		}
		remove := w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: registrytest.Custom(func(http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				rw.WriteHeader(http.StatusNotFound)
				fmt.Fprintf(rw, `{"errors":[{"code":%q}]}`, tt.code)
			})
		})})
		if got, err := c.Referrers(t.Context(), w.byDigest(), signatureType); err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
		remove()
		if got, err := c.Referrers(t.Context(), w.byDigest(), signatureType); err != nil || len(got) != 1 {
			t.Errorf("%s: the API is not asked again: %v, %v", tt.name, got, err)
		}
	}
}
