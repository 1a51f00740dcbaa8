// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/entra"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// Options configures a [Source].
type Options struct {
	// VaultURI is the vault's URL, "https://NAME.vault.azure.net". Required.
	VaultURI string
	// Certificates to fetch, with their chains. Empty: none; but then Keys.
	Certificates []Object
	// Keys to fetch. Empty: none; but then Certificates.
	Keys []Object
	// Identity of this workload. Identity.Transport is the one to the vault too.
	// Required.
	Identity entra.Options
}

// Source is a [keys.Source]. It may be shared between goroutines.
type Source struct {
	vault    vault
	objects  []object
	identity *entra.Identity
	client   cloud.Client

	mu      sync.Mutex
	created map[string]int64 // when versions were made, by name/version
}

// New returns a source. The error names every problem; nothing is asked of anybody.
func New(o Options) (*Source, error) {
	v, objects, err := o.parse()
	if v == (vault{}) {
		return nil, err
	}
	identity, failed := entra.New(o.Identity)
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	return &Source{vault: v, objects: objects, identity: identity, client: cloud.Client{Transport: o.Identity.Transport}, created: map[string]int64{}}, nil
}

// Check reports what [New] objects to on every machine: not what the identity
// lacks on this one.
func (o Options) Check() error {
	_, _, err := o.parse()
	return err
}

// parse returns no vault if its URL is wrong.
func (o Options) parse() (vault, []object, error) {
	v, err := parseVault(o.VaultURI)
	if err != nil {
		return vault{}, nil, fmt.Errorf("vault_uri %q %w", o.VaultURI, err)
	}
	objects, err := parseObjects(v, o)
	return v, objects, err
}

// maxConcurrent bounds the requests to one vault under way: it throttles at 400
// secrets a second, for everybody.
const maxConcurrent = 4

// Fetch implements [keys.Source]. The errors are of type [*keys.Error].
func (s *Source) Fetch(ctx context.Context) (keys.Snapshot, error) {
	token, err := s.identity.Token(ctx, s.vault.resource, s.vault.cloud)
	if err != nil {
		return keys.Snapshot{}, err
	}
	found, errs := make([][]keys.Key, len(s.objects)), make([]error, len(s.objects))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, o := range s.objects {
		group.Go(func() error {
			found[i], errs[i] = s.versions(ctx, token, o)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	var snapshot keys.Snapshot
	for _, list := range found {
		snapshot.Keys = append(snapshot.Keys, list...)
	}
	return snapshot, errors.Join(errs...)
}
