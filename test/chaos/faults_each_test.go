// SPDX-License-Identifier: Apache-2.0

package chaos_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// atOnce is how many repositories are asked about at the same time: no more than
// a busy machine answers within the timeout.
const atOnce = 4

// TestEveryFault has one repository for every fault and every kind of request,
// so that chance leaves nothing out and nothing else goes wrong beside it. The
// token server, which has no repositories, is the storm's.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	w := &world{registry: registrytest.Start(t, registrytest.Options{}), signed: map[string]bool{}}
	w.signers(t)
	p := w.newProcess(t)
	slots := make(chan struct{}, atOnce)
	var asking sync.WaitGroup
	defer asking.Wait()
	w.pairs = []pair{{}}        // stands for that of each repository
	for i, f := range lies(w) { // outages are among them
		kinds := f.kinds
		if kinds == nil {
			kinds = []registrytest.Kind{"", registrytest.KindManifest, registrytest.KindBlob, registrytest.KindReferrers}
		}
		for _, kind := range kinds {
			repo := fmt.Sprintf("fault%d/%sapp", i, kind)
			own := w.repository(t, repo)
			w.registry.Inject(registrytest.Fault{Repo: repo, Kind: kind, Action: lies(own)[i].action})
			asking.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				own.suffer(t, p, f, kind)
			})
		}
	}
}

// repository is a world in the same registry that has one repository.
func (w *world) repository(t *testing.T, repo string) *world {
	t.Helper()
	own := *w
	own.images, own.pairs, own.signed = nil, nil, map[string]bool{}
	own.notation(t, repo, signtest.JWS)
	return &own
}

// suffer asks about every image while a fault lasts.
func (w *world) suffer(t *testing.T, p process, f fault, kind registrytest.Kind) {
	t.Helper()
	counted := newTally()
	for _, a := range p.patient(t.Context(), w.images) {
		why := w.objection(a, f.lie)
		counted.add(a, why)
		if why != "" || a.verdict == cancelled {
			t.Errorf("%s (%s): %s: %s", f.name, kind, a.verdict, why)
		}
	}
	t.Logf("%-32s of %-10s %v", f.name, kind, counted)
}
