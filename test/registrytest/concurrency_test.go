// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{NoReferrersAPI: true})
	image := pushImage(t, reg, "app", "v1")
	repo := client(t, reg, "app")
	const n = 8
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if _, err := tryReferrer(reg, "app", image, testArtifactType, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
			remove := reg.Inject(registrytest.Fault{Repo: "other", Action: registrytest.Status(503, nil)})
			defer remove()
			if _, err := repo.Resolve(t.Context(), "v1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(referrers(t, reg, image, "")); got != n {
		t.Errorf("referrers: got %d, want %d", got, n)
	}
}
