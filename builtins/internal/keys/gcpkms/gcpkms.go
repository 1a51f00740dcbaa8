// SPDX-License-Identifier: Apache-2.0

// Package gcpkms is the key provider of Google Cloud KMS: the public keys of keys
// for asymmetric signing, by version.
//
// The identity needs the roles Cloud KMS Viewer and Cloud KMS Public Key Viewer on
// the keys. A version that is disabled or destroyed counts as gone at once; the
// latest is the enabled one with the highest number.
//
// Spec: Cloud KMS API v1, cryptoKeyVersions.list and .getPublicKey.
package gcpkms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/google"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// Options configures a [Source].
type Options struct {
	// Keys to fetch, with every version of theirs. Required.
	Keys []Key
	// Identity of this workload. Required.
	Identity google.Options
}

// Key is one key.
type Key struct {
	// Name is what trust documents write. Empty: the last part of ID.
	Name string
	// ID is "projects/P/locations/L/keyRings/R/cryptoKeys/K". Required.
	ID string
}

// Source is a [keys.Source]. It may be shared between goroutines.
type Source struct {
	keys     []Key
	identity *google.Identity
	client   cloud.Client
}

// keyID is the resource name of a key. Spec: Cloud KMS, "Resource IDs".
var keyID = regexp.MustCompile(`^projects/[a-z0-9.:-]{4,70}/locations/[a-z0-9-]{2,40}/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/([A-Za-z0-9_-]{1,63})$`)

// New returns a source. The error names every problem; nothing is asked of anybody.
func New(o Options) (*Source, error) {
	s := &Source{client: cloud.Client{Transport: o.Identity.Transport}}
	var errs []error
	if len(o.Keys) == 0 {
		errs = append(errs, errors.New("no keys are listed"))
	}
	for i, k := range o.Keys {
		m := keyID.FindStringSubmatch(k.ID)
		if m == nil {
			errs = append(errs, fmt.Errorf("keys[%d]: %q is not the name of a key, as projects/P/locations/L/keyRings/R/cryptoKeys/K", i, k.ID))
			continue
		}
		k.Name = cmp.Or(k.Name, m[1])
		if slices.ContainsFunc(s.keys, func(other Key) bool { return other.Name == k.Name }) {
			errs = append(errs, fmt.Errorf("keys[%d]: the name %q is there already", i, k.Name))
		}
		s.keys = append(s.keys, k)
	}
	var err error
	s.identity, err = google.New(o.Identity)
	return s, errors.Join(append(errs, err)...)
}

// Fetch implements [keys.Source]. The errors are of type [*keys.Error].
func (s *Source) Fetch(ctx context.Context) (keys.Snapshot, error) {
	var snapshot keys.Snapshot
	var errs []error
	for _, k := range s.keys {
		list, err := s.versions(ctx, k)
		snapshot.Keys = append(snapshot.Keys, list...)
		errs = append(errs, err)
	}
	return snapshot, errors.Join(errs...)
}

// version is what the service says of one.
type version struct {
	Name  string `json:"name"`
	State string `json:"state"`

	number int
}

// versions returns the versions of a key, oldest first.
func (s *Source) versions(ctx context.Context, k Key) ([]keys.Key, error) {
	listed, err := s.list(ctx, k)
	if e, ok := errors.AsType[*keys.Error](err); ok && e.Code == "NOT_FOUND" {
		return []keys.Key{{Name: k.Name, Err: err}}, nil
	}
	if err != nil {
		return nil, err
	}
	var list []keys.Key
	var errs []error
	latest := -1
	for _, v := range listed {
		key := keys.Key{Name: k.Name, Version: strconv.Itoa(v.number)}
		if v.State == "ENABLED" {
			latest = len(list)
			key.PEM, key.Err = s.publicKey(ctx, k, v.number)
		} else {
			key.Err = &keys.Error{Step: fmt.Sprintf("get version %d of %q", v.number, k.Name), Code: v.State, Message: "this version is not enabled"}
		}
		if e, ok := errors.AsType[*keys.Error](key.Err); ok && e.Retryable {
			errs = append(errs, key.Err)
		}
		list = append(list, key)
	}
	if latest >= 0 {
		list[latest].Latest = true
	}
	return list, errors.Join(errs...)
}

// The bounds of a list.
const (
	pageSize = 100
	maxPages = 10
)

func (s *Source) list(ctx context.Context, k Key) ([]version, error) {
	step := fmt.Sprintf("list versions of %q", k.Name)
	var all []version
	token := ""
	for range maxPages {
		var page struct {
			Versions []version `json:"cryptoKeyVersions"`
			Next     string    `json:"nextPageToken"`
		}
		query := url.Values{"pageSize": {strconv.Itoa(pageSize)}, "pageToken": {token}}
		if err := s.get(ctx, step, k.ID+"/cryptoKeyVersions?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		for _, v := range page.Versions {
			number, err := strconv.Atoi(strings.TrimPrefix(v.Name, k.ID+"/cryptoKeyVersions/"))
			if err != nil || number < 1 {
				return nil, &keys.Error{Step: step, Message: "the list has versions of another key"}
			}
			v.number = number
			all = append(all, v)
		}
		if token = page.Next; token == "" {
			slices.SortFunc(all, func(a, b version) int { return cmp.Compare(a.number, b.number) })
			return all, nil
		}
	}
	return nil, &keys.Error{Step: step, Message: fmt.Sprintf("it has more than %d versions", pageSize*maxPages)}
}
