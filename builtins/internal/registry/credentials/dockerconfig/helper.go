// SPDX-License-Identifier: Apache-2.0

package dockerconfig

import (
	"context"
	"fmt"
	"regexp"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

const (
	helperTimeout = 10 * time.Second // of one run
	keepSuccess   = time.Minute      // helpers hand out tokens that live hours, and do not say until when
	keepFailure   = 5 * time.Second
	maxKept       = 256 // hosts
)

// helpers runs credential helpers, each once for all who wait, and keeps what
// they say for a while.
type helpers struct {
	now    func() time.Time
	flight singleflight.Group
	kept   *lru.Cache[string, said]
}

type said struct {
	credential auth.Credential
	err        error
	until      time.Time
}

func newHelpers(now func() time.Time) *helpers {
	kept, err := lru.New[string, said](maxKept)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &helpers{now: now, kept: kept}
}

// ask returns what docker-credential-<name> knows of host.
func (h *helpers) ask(ctx context.Context, name, host string) (auth.Credential, error) {
	key := name + " " + host
	if s, ok := h.kept.Get(key); ok && h.now().Before(s.until) {
		return s.credential, s.err
	}
	done := h.flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), helperTimeout)
		defer cancel()
		s := said{until: h.now().Add(keepSuccess)}
		if s.credential, s.err = run(ctx, name, host); s.err != nil {
			s.until = h.now().Add(keepFailure)
		}
		h.kept.Add(key, s)
		return s.credential, s.err
	})
	select {
	case got := <-done:
		credential, _ := got.Val.(auth.Credential)
		return credential, got.Err
	case <-ctx.Done():
		return auth.EmptyCredential, ctx.Err()
	}
}

// helperName keeps a file from naming a program by path.
var helperName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

func run(ctx context.Context, name, host string) (auth.Credential, error) {
	if !helperName.MatchString(name) {
		return auth.EmptyCredential, fmt.Errorf("%q is not the name of a credential helper; write what follows docker-credential-", problem.Sanitise(name))
	}
	credential, err := credentials.NewNativeStore(name).Get(ctx, credentials.ServerAddressFromRegistry(host))
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("docker-credential-%s for %s: %s", name, host, problem.Sanitise(err.Error()))
	}
	return credential, nil
}
