// SPDX-License-Identifier: Apache-2.0

package chaos_test

import (
	"sync"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// atOnce is how many registries are asked at the same time: no more than a busy
// machine answers within the timeout.
const atOnce = 4

// TestEveryFault has one registry for every fault and every kind of request, so
// that chance leaves nothing out and nothing else goes wrong beside it.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	var all world
	all.signers(t)
	p, counted := all.newProcess(t), newTally()
	slots := make(chan struct{}, atOnce)
	var asking sync.WaitGroup
	for i, f := range lies(all.elsewhere(t)) { // outages are among them
		for _, kind := range f.suits() {
			slots <- struct{}{}
			w := all.elsewhere(t)
			w.registry.Inject(registrytest.Fault{Kind: kind, Action: lies(w)[i].action})
			asking.Go(func() {
				defer func() { <-slots }()
				defer w.registry.Close()
				w.suffer(t, p, f, kind, counted)
			})
		}
	}
	asking.Wait()
	t.Log(counted)
	counted.insist(t)
}

// elsewhere is a small world with a registry of its own and the same signers.
func (w *world) elsewhere(t *testing.T) *world {
	t.Helper()
	other := *w
	other.registry = registrytest.Start(t, registrytest.Options{Token: &registrytest.Token{}})
	other.images, other.pairs, other.signed = nil, nil, map[string]bool{}
	other.notation(t, "app", signtest.JWS)
	return &other
}

// suffer asks about every image while a fault lasts.
func (w *world) suffer(t *testing.T, p process, f fault, kind registrytest.Kind, all *tally) {
	t.Helper()
	counted := newTally()
	for _, a := range p.patient(t.Context(), w.images) {
		why := w.objection(a, f.lie)
		if why != "" {
			why = f.name + " of " + string(kind) + ": " + why
		}
		counted.add(a, "")
		all.add(a, why)
	}
	t.Logf("%-32s of %-10s %v", f.name, kind, counted)
}
