// SPDX-License-Identifier: Apache-2.0

package chaos_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// fault is one way to fail. What class it is of says what it may lead to; see the
// package comment.
type fault struct {
	name   string
	lie    bool
	action registrytest.Action
	kinds  []registrytest.Kind // that it is an outage, or a lie, of. Nil: any
	repo   string              // "": any
}

// outages are faults after which it is visible that something was not seen: no
// answer, an answer of the wrong form, bytes that have another digest.
func outages(w *world) []fault {
	pull := []registrytest.Kind{registrytest.KindManifest, registrytest.KindBlob}
	list := []registrytest.Kind{registrytest.KindReferrers}
	faults := []fault{
		{name: "rate limit with a wait", action: registrytest.Status(http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}})},
		{name: "hang", action: registrytest.Hang()},
		{name: "reset", action: registrytest.Reset()},
		{name: "late", action: registrytest.Delay(30 * time.Millisecond)},
		{name: "drip", action: registrytest.SlowDrip(100, time.Millisecond)},
		{name: "endless drip", action: registrytest.SlowDrip(1, 100*time.Millisecond)},
		{name: "cut at once", action: registrytest.Disconnect(0)},
		{name: "cut", action: registrytest.Disconnect(50)},
		{name: "cut short and declared so", action: registrytest.Truncate(50)},
		{name: "empty", action: registrytest.Truncate(0)},
		{name: "too large", action: registrytest.Oversize(1<<16, 1<<40)},
		{name: "garbage without end", action: registrytest.Oversize(1<<16, -1)},
		{name: "another page", action: registrytest.Replace([]byte("<html>Please log in.</html>"))},
		{name: "another type", action: registrytest.WrongContentType("text/html"), kinds: pull},
		{name: "no digest", action: registrytest.WrongDigestHeader(""), kinds: pull},
		{name: "a byte flips", action: registrytest.FlipByte(77), kinds: pull},
		{name: "redirect to nobody", action: registrytest.Redirect("http://127.0.0.1:1/")},
		{name: "redirect for ever", action: registrytest.Redirect(w.registry.URL() + "/v2/")},
		{name: "endless pages", action: registrytest.EndlessPages(), kinds: list},
		{name: "pages elsewhere", action: registrytest.NextPage("http://127.0.0.1:1/"), kinds: list},
	}
	for _, status := range []int{401, 403, 408, 429, 500, 502, 503, 504} {
		faults = append(faults, fault{name: http.StatusText(status), action: registrytest.Status(status, nil)})
	}
	return faults
}

// lies are well-formed and untrue.
func lies(w *world) []fault {
	list := []registrytest.Kind{registrytest.KindReferrers}
	tag := []registrytest.Kind{registrytest.KindManifest}
	faults := []fault{
		{name: "nothing exists", action: registrytest.Status(http.StatusNotFound, nil)},
		{name: "no referrers", action: registrytest.Referrers(), kinds: list},
		{name: "referrers nobody pushed", action: registrytest.Referrers(ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("nobody"), Size: 6, ArtifactType: "application/vnd.cncf.notary.signature",
		}), kinds: list},
		{name: "other sizes", action: registrytest.LieSize(1)},
		{name: "wrong artifact types", action: registrytest.WrongArtifactType(), kinds: list},
		{name: "filter ignored", action: registrytest.FilterIgnored(), kinds: list},
		{name: "filter claimed", action: registrytest.FilterClaimed(), kinds: list},
		// It may hit the digest of a referrer, which is then none.
		{name: "a byte of the list flips", action: registrytest.FlipByte(177), kinds: list},
	}
	for _, p := range w.pairs {
		faults = append(faults,
			fault{name: "the good image's referrers", action: registrytest.FlipReferrers(p.good.Digest), kinds: list, repo: p.repo},
			fault{name: "the unsigned image's referrers", action: registrytest.FlipReferrers(p.evil.Digest), kinds: list, repo: p.repo},
			fault{name: "tags move", action: registrytest.Alternate(p.good.Digest, p.evil.Digest), kinds: tag, repo: p.repo},
			fault{name: "the good image's digest", action: registrytest.WrongDigestHeader(p.good.Digest), kinds: tag, repo: p.repo},
			fault{name: "the unsigned image's digest", action: registrytest.WrongDigestHeader(p.evil.Digest), kinds: tag, repo: p.repo},
		)
	}
	for i := range faults {
		faults[i].lie = true
	}
	return append(faults, outages(w)...)
}

// flap injects faults, a few at a time, and takes them away again until ctx ends.
// Every fault gets its turn before one comes again.
func (w *world) flap(ctx context.Context, faults []fault, random *rand.Rand) {
	var deck []int
	for ctx.Err() == nil {
		var removals []func()
		for range random.IntN(4) { // now and then all is well
			if len(deck) == 0 {
				deck = random.Perm(len(faults))
			}
			f := faults[deck[0]]
			deck = deck[1:]
			removals = append(removals, w.registry.Inject(f.injected(random)))
		}
		if w.freezes && random.IntN(5) == 0 {
			w.registry.Freeze()
		}
		pause(ctx, time.Duration(20+random.IntN(80))*time.Millisecond)
		for _, remove := range removals {
			remove()
		}
		w.registry.ResetRequests() // nobody looks at them, and they are many
	}
}

// suits are the kinds of requests that the fault may hit; "" is all of them.
func (f fault) suits() []registrytest.Kind {
	if f.kinds != nil {
		return f.kinds
	}
	return []registrytest.Kind{"", registrytest.KindManifest, registrytest.KindBlob, registrytest.KindReferrers, registrytest.KindToken}
}

// injected makes the fault hit some requests or all, of one kind or of all.
func (f fault) injected(random *rand.Rand) registrytest.Fault {
	kinds := f.suits()
	return registrytest.Fault{
		Kind: kinds[random.IntN(len(kinds))], Repo: f.repo, Action: f.action,
		Probability: []float64{0, 0, .3, .7}[random.IntN(4)], Seed: random.Uint64(),
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
