// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/lease"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

func TestCachedRefusesAnEmptyCredential(t *testing.T) {
	t.Parallel()
	c := credentials.NewCached(func(context.Context, string) (auth.Credential, time.Time, error) {
		return auth.EmptyCredential, time.Time{}, nil
	}, nil)
	if got, err := c.Credential(t.Context(), "a.example"); !errors.Is(err, credentials.ErrNone) {
		t.Errorf("%v, %v", got.Username, err)
	}
}

func TestCallOfAProviderThatIsPaused(t *testing.T) {
	t.Parallel()
	call := &problem.CallError{Step: "assume role", Code: "503", Message: "down", Retryable: true}
	until := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	err := credentials.FromCall("p", &lease.PauseError{Until: until, Err: call})
	const want = "credential provider p: assume role: 503 down (asked again from 2026-09-01T12:00:00Z on)"
	e, ok := errors.AsType[*credentials.Error](err)
	if !ok || !e.Retryable || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if p, ok := errors.AsType[*lease.PauseError](err); !ok || !p.Until.Equal(until) {
		t.Errorf("the pause is lost: %v", err)
	}
}
