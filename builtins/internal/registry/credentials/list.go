// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"errors"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"
)

// Entry is one provider and what it is asked for.
type Entry struct {
	// Name of the provider in messages and metrics. Required.
	Name string
	// Match is a canonical host[:port], "*.host" for one more label, or "*". "":
	// every host that the provider owns. A host named exactly that the provider
	// does not own is an error, any other goes to the next entry.
	Match string
	// Provider is asked. Nil: the host is asked anonymously.
	Provider Provider
	// MayBeEmpty says that the provider's empty credential means anonymous. False:
	// it is an error.
	MayBeEmpty bool
}

// List is the ordered list. It may be shared between goroutines.
type List struct {
	entries []Entry
	observe func(provider string, good bool)
}

// NewList returns a list; observe is told how each question to a provider ended.
// Nil: nobody is.
func NewList(entries []Entry, observe func(provider string, good bool)) *List {
	if observe == nil {
		observe = func(string, bool) {}
	}
	return &List{entries: entries, observe: observe}
}

// Credential returns the credential of a canonical host; the empty one if nobody
// owns it. The error names the provider and never holds a credential.
func (l *List) Credential(ctx context.Context, host string) (auth.Credential, error) {
	e, credential, err := l.find(ctx, host)
	if e != nil {
		l.observe(e.Name, err == nil)
	}
	return credential, err
}

// Giver is the name of the provider that [List.Credential] is of; "" if the host is
// asked anonymously.
func (l *List) Giver(ctx context.Context, host string) string {
	e, credential, err := l.find(ctx, host)
	if e == nil || err == nil && credential == auth.EmptyCredential {
		return ""
	}
	return e.Name
}

// find returns the entry that answered; nil: nobody did.
func (l *List) find(ctx context.Context, host string) (*Entry, auth.Credential, error) {
	for i := range l.entries {
		e := &l.entries[i]
		if !e.answersFor(host) {
			continue
		}
		if e.Provider == nil {
			break
		}
		credential, err := e.ask(ctx, host)
		if errors.Is(err, ErrNotOwned) && e.Match != host {
			continue
		}
		return e, credential, err
	}
	return nil, auth.EmptyCredential, nil
}

func (e *Entry) answersFor(host string) bool {
	return matches(e.Match, host) && (e.Provider == nil || e.Match == host || e.Provider.Owns(host))
}

func (e *Entry) ask(ctx context.Context, host string) (credential auth.Credential, err error) {
	err = ErrNotOwned
	if e.Provider.Owns(host) {
		credential, err = e.Provider.Credential(ctx, host)
	}
	switch {
	case errors.Is(err, ErrNotOwned):
		return auth.EmptyCredential, &Error{Provider: e.Name, Message: host + " is none of its registries, though credentials name it with this provider", Err: err}
	case err != nil:
		return auth.EmptyCredential, named(e.Name, err)
	case credential == auth.EmptyCredential && !e.MayBeEmpty:
		return auth.EmptyCredential, &Error{Provider: e.Name, Err: ErrNone}
	}
	return credential, nil
}

// named makes sure that the provider is in the message.
func named(name string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Provider != "" {
		return err
	}
	return &Error{Provider: name, Message: err.Error(), Err: err}
}

// Refused tells the providers of a host that the registry does not accept a
// credential. It reports whether another may be had at once.
func (l *List) Refused(host string, credential auth.Credential) bool {
	for i := range l.entries {
		e := &l.entries[i]
		r, ok := e.Provider.(interface {
			Refused(host string, credential auth.Credential) bool
		})
		if ok && e.answersFor(host) && r.Refused(host, credential) {
			return true
		}
	}
	return false
}

// Realms are the token servers, host[:port], that providers of a host say belong to
// its kind of registry though they are on other hosts. Nil: none.
func (l *List) Realms(host string) []string {
	var all []string
	for i := range l.entries {
		e := &l.entries[i]
		if r, ok := e.Provider.(interface{ Realms(host string) []string }); ok && e.answersFor(host) {
			all = append(all, r.Realms(host)...)
		}
	}
	return all
}

// matches reports whether a canonical host is meant by a pattern.
func matches(pattern, host string) bool {
	if pattern == "" || pattern == "*" || pattern == host {
		return true
	}
	below, ok := strings.CutPrefix(pattern, "*.")
	if !ok {
		return false
	}
	label, rest, ok := strings.Cut(host, ".")
	return ok && label != "" && rest == below
}
