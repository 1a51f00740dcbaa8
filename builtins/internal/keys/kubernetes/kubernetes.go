// SPDX-License-Identifier: Apache-2.0

// Package kubernetes is the key provider of Secrets and ConfigMaps.
package kubernetes

import (
	"cmp"
	"context"
	"errors"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	api "github.com/opa-ratify/opa-ratify/builtins/internal/kubernetes"
)

// Reader reads the cluster's objects; see [api.Client].
type Reader interface {
	Secret(ctx context.Context, namespace, name string) (api.Secret, error)
	ConfigMap(ctx context.Context, namespace, name string) (map[string][]byte, error)
}

// Key is one key of the configuration.
type Key struct {
	Name      string // as trust documents write it. Required.
	Secret    string // that holds it. Required, or ConfigMap.
	ConfigMap string
	Namespace string // of the object. Required.
	Key       string // in its data. Required.
}

// Source is a [keys.Source]. It may be shared between goroutines.
type Source struct {
	reader Reader
	keys   []Key
}

// New returns a source of these keys.
func New(reader Reader, configured []Key) *Source { return &Source{reader, configured} }

// object is what several keys may be in.
type object struct{ namespace, secret, configMap string }

type content struct {
	data map[string][]byte
	err  error
}

// Fetch reads each object once. One that is not there is a key that was withdrawn;
// one that cannot be read says nothing about the key.
func (s *Source) Fetch(ctx context.Context) (keys.Snapshot, error) {
	read := map[object]content{}
	var snapshot keys.Snapshot
	var errs []error
	for _, k := range s.keys {
		o := object{k.Namespace, k.Secret, k.ConfigMap}
		c, ok := read[o]
		if !ok {
			c.data, c.err = s.read(ctx, o)
			read[o] = c
			if c.err != nil {
				errs = append(errs, c.err)
			}
		}
		found := keys.Key{Name: k.Name, PEM: c.data[k.Key], Latest: true, Err: c.err}
		if c.err == nil && found.PEM == nil {
			found.Err = &keys.Error{Step: "read " + k.Namespace + "/" + cmp.Or(k.Secret, k.ConfigMap), Message: "its data has no key " + k.Key}
		}
		snapshot.Keys = append(snapshot.Keys, found)
	}
	return snapshot, errors.Join(errs...)
}

func (s *Source) read(ctx context.Context, o object) (data map[string][]byte, err error) {
	if o.secret != "" {
		var secret api.Secret
		secret, err = s.reader.Secret(ctx, o.namespace, o.secret)
		data = secret.Data
	} else {
		data, err = s.reader.ConfigMap(ctx, o.namespace, o.configMap)
	}
	if err == nil {
		return data, nil
	}
	said := keys.Error{Step: "read", Message: err.Error()}
	if e, ok := errors.AsType[*keys.Error](err); ok {
		said = *e
	}
	said.Retryable, said.Err = !errors.Is(err, api.ErrNotFound), err
	return nil, &said
}
