// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"sync/atomic"
	"testing"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// revocable gives a password that, once revoked, is worth nothing until it is told
// so.
type revocable struct {
	revoked, stubborn bool
	refusals          atomic.Int32
}

func (r *revocable) Credential(context.Context, string) (auth.Credential, error) {
	if r.revoked && (r.refusals.Load() == 0 || r.stubborn) {
		return auth.Credential{Username: "u", Password: "revoked"}, nil
	}
	return auth.Credential{Username: "u", Password: "good"}, nil
}

func (r *revocable) Refused(_ string, c auth.Credential) bool {
	return r.refusals.Add(1) == 1 && c.Password == "revoked"
}

// A credential that was revoked before its time is replaced once, and no more.
func TestRefusedCredentialIsReplacedOnce(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]registrytest.Options{
		"basic":  {Basic: &registrytest.Basic{Username: "u", Password: "good"}},
		"bearer": {Token: &registrytest.Token{Username: "u", Password: "good"}},
	} {
		w := newWorld(t, o)
		given := &revocable{}
		c := client(t, registry.Options{Credentials: given})
		for _, given.revoked = range []bool{false, true} {
			if _, err := c.Resolve(t.Context(), w.byTag()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := given.refusals.Load(); n != 1 {
			t.Errorf("%s: refused %d times, want once", name, n)
		}
		w.ResetRequests()
		given.stubborn = true
		_, err := c.Resolve(t.Context(), w.byTag())
		if code, retryable := registry.Classify(err); code != report.Unauthorized || retryable {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(w.Requests()); n > 4 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}
