// SPDX-License-Identifier: Apache-2.0

// Package kubernetessecrets is the credential provider of image pull Secrets: those
// that are named, and those of a service account.
//
// Which Secret is for which image follows the kubelet's rules: a key is a host or a
// pattern of one ("*.example"), and may have a path, which is a prefix of the
// repository. The most specific key counts.
package kubernetessecrets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/kubernetes"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/dockerconfig"
)

// Name of the provider.
const Name = "kubernetes_secrets"

// Reader reads the cluster's objects; see [kubernetes.Client].
type Reader interface {
	Secret(ctx context.Context, namespace, name string) (kubernetes.Secret, error)
	PullSecrets(ctx context.Context, namespace, account string) ([]string, error)
	Account() (string, error)
}

// Secret names a Secret.
type Secret struct{ Namespace, Name string }

// Options configures a [Provider].
type Options struct {
	// Reader reads the cluster's objects. Required.
	Reader Reader
	// Namespace of the service account. Required.
	Namespace string
	// ServiceAccount whose pull Secrets are used. "": this process's own.
	ServiceAccount string
	// Secrets are used too, and come first.
	Secrets []Secret
	// RefreshInterval is how long what was read is believed. Zero: 1 m.
	RefreshInterval time.Duration
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

const (
	// fetchTimeout bounds reading all Secrets, which no caller's deadline does.
	fetchTimeout = 15 * time.Second
	// retryAfter is the pause after a failure.
	retryAfter = 5 * time.Second
	// maxSecrets bounds the Secrets read.
	maxSecrets = 100
)

// Provider gives the credentials of the Secrets. It reads them again after the
// refresh interval, and keeps the last that could be read while the API cannot be
// asked. It may be shared between goroutines.
type Provider struct {
	o      Options
	flight singleflight.Group

	mu    sync.Mutex
	ring  *keyring  // nil: never read
	until time.Time // read again from then on
	err   error     // of the last reading
}

// New returns a provider; the Secrets are read when they are first needed.
func New(o Options) *Provider {
	o.RefreshInterval = cmp.Or(o.RefreshInterval, time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Provider{o: o}
}

// Owns reports whether a Secret has a key for the host. Before they were read it
// says yes.
func (p *Provider) Owns(host string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ring == nil || p.o.Now().After(p.until) || p.ring.knows(host)
}

// Credential returns the credential for the repository that ctx tells of;
// [credentials.ErrNotOwned] if no Secret has one.
func (p *Provider) Credential(ctx context.Context, host string) (auth.Credential, error) {
	ring, err := p.current(ctx)
	if err != nil {
		return auth.EmptyCredential, err
	}
	found, ok := ring.find(host, credentials.Repository(ctx))
	if !ok && ring.bad == nil {
		return auth.EmptyCredential, credentials.ErrNotOwned
	}
	if !ok {
		found = *ring.bad // which may have been for this host
	}
	if found.err != nil {
		return auth.EmptyCredential, &credentials.Error{Provider: Name, Step: "read Secret " + found.secret, Message: found.err.Error()}
	}
	return found.credential, nil
}

// current returns what was read last, and reads again when it is time.
func (p *Provider) current(ctx context.Context) (*keyring, error) {
	p.mu.Lock()
	ring, fresh, err := p.ring, p.o.Now().Before(p.until), p.err
	p.mu.Unlock()
	if fresh {
		if ring == nil {
			return nil, err
		}
		return ring, nil
	}
	select {
	case got := <-p.flight.DoChan("", func() (any, error) { return p.refresh(context.WithoutCancel(ctx)), nil }):
		outcome, _ := got.Val.(reading)
		return outcome.ring, outcome.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reading is a keyring, or why there is none.
type reading struct {
	ring *keyring
	err  error
}

func (p *Provider) refresh(ctx context.Context) reading {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	ring, err := p.read(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.err, p.until = err, p.o.Now().Add(retryAfter)
		if p.ring != nil {
			return reading{ring: p.ring}
		}
		return reading{err: err}
	}
	p.ring, p.err, p.until = ring, nil, p.o.Now().Add(p.o.RefreshInterval)
	return reading{ring: ring}
}

func (p *Provider) read(ctx context.Context) (*keyring, error) {
	wanted, err := p.wanted(ctx)
	if err != nil {
		return nil, problem(err)
	}
	ring := &keyring{}
	for _, s := range wanted {
		secret, err := p.o.Reader.Secret(ctx, s.Namespace, s.Name)
		if errors.Is(err, kubernetes.ErrNotFound) {
			continue // as the kubelet does: a service account may name one that is not there
		}
		if err != nil {
			return nil, problem(err)
		}
		ring.add(s, secret) //nolint:contextcheck // parses
	}
	return ring, nil
}

// wanted lists the Secrets that are named, then those of the service account.
func (p *Provider) wanted(ctx context.Context) ([]Secret, error) {
	wanted := append([]Secret(nil), p.o.Secrets...)
	account := p.o.ServiceAccount
	if account == "" {
		var err error
		if account, err = p.o.Reader.Account(); err != nil {
			return nil, err
		}
	}
	names, err := p.o.Reader.PullSecrets(ctx, p.o.Namespace, account)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		wanted = append(wanted, Secret{p.o.Namespace, name})
	}
	if len(wanted) > maxSecrets {
		return nil, fmt.Errorf("there are %d Secrets, at most %d are read", len(wanted), maxSecrets)
	}
	return wanted, nil
}

func problem(err error) error {
	if e, ok := errors.AsType[*kubernetes.Error](err); ok {
		return &credentials.Error{Provider: Name, Step: e.Step, Code: e.Code, Message: e.Message, Retryable: e.Retryable, Err: err}
	}
	return &credentials.Error{Provider: Name, Message: err.Error(), Err: err}
}

// add takes the keys of a Secret. One that cannot be read keeps none of the others,
// and is an error for hosts that no other has a key for.
func (k *keyring) add(s Secret, secret kubernetes.Secret) {
	name := s.Namespace + "/" + s.Name
	var auths []dockerconfig.Auth
	var err error
	switch secret.Type {
	case "kubernetes.io/dockerconfigjson":
		auths, err = dockerconfig.Auths(secret.Data[".dockerconfigjson"], false)
	case "kubernetes.io/dockercfg":
		auths, err = dockerconfig.Auths(secret.Data[".dockercfg"], true)
	default:
		err = fmt.Errorf("it is of type %q; a pull Secret is of type kubernetes.io/dockerconfigjson", secret.Type)
	}
	if err != nil && k.bad == nil {
		k.bad = &entry{secret: name, err: err}
	}
	for _, a := range auths {
		if pattern, ok := parsePattern(a.Key); ok {
			k.entries = append(k.entries, entry{pattern: pattern, secret: name, credential: a.Credential, err: a.Err})
		}
	}
	k.sort()
}
