// SPDX-License-Identifier: Apache-2.0

package chaos_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// The most that memory may grow while the second half of the images is asked
// about, and at all. Generous: Go's collector lets the heap double, and what is
// free returns to the system when it likes.
const (
	lateGrowth   = 1.35
	maxResident  = 700 << 20
	roundingUp   = 24 << 20 // growth below this is noise
	questionSize = 50       // keys in one request
)

// TestSoak asks the real binary, with its default limits, once about each of very
// many signed images: its caches fill, and then memory is to stay where it is.
// What was asked first, and was forgotten meanwhile, is asked again.
func TestSoak(t *testing.T) {
	t.Parallel()
	servetest.WatchSources(t)
	began := time.Now()
	w := newSoak(t, *soakImages)
	t.Logf("%d images pushed and signed in %v", len(w.images), time.Since(began).Round(time.Millisecond))
	s := w.serveWith(t, "{}")

	var resident []int64
	for tenth := range slices.Chunk(w.images, max(len(w.images)/10, questionSize)) {
		began = time.Now()
		for question := range slices.Chunk(tenth, questionSize) {
			w.insist(t, s, question)
		}
		w.registry.ResetRequests()
		resident = append(resident, s.ResidentBytes())
		t.Logf("after %6d images: %4d MiB resident, %5.1f MiB of contents, %.0f images/s", len(resident)*len(tenth),
			s.ResidentBytes()>>20, s.metric(t, `ratify_cache_bytes{cache="content"}`)/(1<<20), float64(len(tenth))/time.Since(began).Seconds())
	}
	half, end := resident[(len(resident)-1)/2], resident[len(resident)-1]
	if float64(end) > float64(half)*lateGrowth+roundingUp || end > maxResident {
		t.Errorf("memory grows: %d MiB after half of the images, %d MiB in the end", half>>20, end>>20)
	}
	w.insist(t, s, w.images[:questionSize])
}

// newSoak is a world of many signed images, one in ten of them unsigned; every
// other is asked for by digest.
func newSoak(t *testing.T, n int) *world {
	t.Helper()
	w := &world{registry: registrytest.Start(t, registrytest.Options{}), signed: map[string]bool{}}
	w.signers(t)
	for i := range n {
		repo, tag := fmt.Sprintf("team%d/app", i%100), fmt.Sprintf("v%d", i)
		desc := must(w.registry.PushImage(t.Context(), repo, tag))(t)
		image := &image{name: repo + ":" + tag, ref: w.registry.Host() + "/" + repo + ":" + tag, want: rejected}
		if i%10 != 9 {
			image.want, w.signed[desc.Digest.String()] = verified, true
			must(w.signer.SignAndAttach(t.Context(), w.registry, repo, desc, signtest.SignOptions{}))(t)
		}
		if i%2 == 0 {
			image.ref, image.digest = w.registry.Reference(repo, desc.Digest), desc.Digest.String()
		}
		w.images = append(w.images, image)
	}
	return w
}

// insist asks until every image is judged as it deserves; only for want of time
// may it be asked about again.
func (w *world) insist(t *testing.T, s *server, images []*image) {
	t.Helper()
	deadline := time.Now().Add(recovery)
	for len(images) > 0 {
		var again []*image
		for _, a := range s.provider(t.Context(), images) {
			if a.verdict == undecided && time.Now().Before(deadline) {
				again = append(again, a.image)
				continue
			}
			if why := w.objection(a, false); why != "" || a.verdict != a.image.want {
				t.Fatalf("%s: %s (%s), want %s; %s", a.image.name, a.verdict, a.text, a.image.want, why)
			}
		}
		images = again
	}
}
