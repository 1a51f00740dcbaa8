// SPDX-License-Identifier: Apache-2.0

// Package inline is the key provider whose keys stand in the configuration
// itself.
package inline

import (
	"context"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// Key is one key or certificate of the configuration.
type Key struct {
	Name  string // as trust documents write it. Required.
	Value string // PEM: certificates or a public key. Required.
}

// Source is a [keys.Source] that never changes.
type Source struct{ snapshot keys.Snapshot }

// New returns a source of these keys.
func New(configured []Key) *Source {
	s := &Source{}
	for _, k := range configured {
		s.snapshot.Keys = append(s.snapshot.Keys, keys.Key{Name: k.Name, PEM: []byte(k.Value), Latest: true})
	}
	return s
}

// Fetch returns the keys, always.
func (s *Source) Fetch(context.Context) (keys.Snapshot, error) { return s.snapshot, nil }
