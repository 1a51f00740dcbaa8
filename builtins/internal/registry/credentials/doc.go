// SPDX-License-Identifier: Apache-2.0

// Package credentials chooses who gives the credential of a registry: an ordered
// list of providers, of which the first that owns the host answers.
//
//	host ──▶ entry 1 (match? owns?) ──▶ entry 2 ──▶ … ──▶ docker config ──▶ anonymous
//
// Who creates a pod names hosts (threat: CVE-2025-27403, a cloud's token sent to a
// look-alike of its registry). A provider therefore owns a host by a rule in its
// code, and not because the configuration's pattern matches.
//
// A provider that owns a host and fails is an error that says why. Nothing falls
// back to another provider or to anonymous because of an error.
package credentials

import (
	"context"
	"errors"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/lease"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// Provider gives credentials of the registries it owns. It may be called
// concurrently and often, and caches for itself; see [Cached].
type Provider interface {
	// Owns reports whether a canonical host[:port] is one of its registries. It
	// waits for no network; a provider that has to look says yes, and
	// [ErrNotOwned] later.
	Owns(host string) bool
	// Credential returns the credential of a host it owns; [Repository] tells of
	// which repository. The error is an [*Error] or [ErrNotOwned].
	Credential(ctx context.Context, host string) (auth.Credential, error)
}

// ErrNotOwned says that a provider, having looked, does not own the host. The next
// entry is asked.
var ErrNotOwned = errors.New("not a registry of this provider")

// ErrNone is wrapped when the provider that is configured for a host has no
// credential for it.
var ErrNone = errors.New("it has no credential for this registry")

// Error is what went wrong with a credential provider. It never holds a token, a
// query or a body.
type Error struct {
	Provider  string // as the configuration calls it, "static"
	Step      string // what was being done, "assume role"
	Code      string // the service's; "" if it gave none
	Message   string // made safe to show
	RequestID string // the service's, for its support; "" if it gave none
	Retryable bool   // asking again may give another answer
	Err       error  // cause; may be nil
}

// Error returns "credential provider static: read /token: no such file (request
// id …)".
func (e *Error) Error() string {
	said := strings.TrimSpace(e.Code + " " + e.Message)
	if said == "" && e.Err != nil {
		said = e.Err.Error()
	}
	parts := make([]string, 0, 3)
	if e.Provider != "" {
		parts = append(parts, "credential provider "+e.Provider)
	}
	if e.Step != "" {
		parts = append(parts, e.Step)
	}
	s := strings.Join(append(parts, said), ": ")
	if e.RequestID != "" {
		s += " (request id " + e.RequestID + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// FromCall makes an [*Error] of provider of a [*problem.CallError] in err, and
// returns any other err as it is. What is not asked yet stays that.
func FromCall(provider string, err error) error {
	e, ok := errors.AsType[*problem.CallError](err)
	if !ok {
		return err
	}
	named := &Error{Provider: provider, Step: e.Step, Code: e.Code, Message: e.Message, RequestID: e.RequestID, Retryable: e.Retryable, Err: e.Err}
	if p, ok := errors.AsType[*lease.PauseError](err); ok {
		return &lease.PauseError{Until: p.Until, Err: named}
	}
	return named
}

type repositoryKey struct{}

// WithRepository says which repository of the registry is asked about.
func WithRepository(ctx context.Context, repository string) context.Context {
	return context.WithValue(ctx, repositoryKey{}, repository)
}

// Repository returns what [WithRepository] said, "" if nobody did.
func Repository(ctx context.Context) string {
	repository, _ := ctx.Value(repositoryKey{}).(string)
	return repository
}
