// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// versions returns the versions of an object that are configured, oldest first. An
// error says that it is not known which there are, or that one could not be seen.
func (s *Source) versions(ctx context.Context, token string, o object) ([]keys.Key, error) {
	switch {
	case o.all:
		return s.every(ctx, token, o)
	case o.versions == nil:
		k, err := s.version(ctx, token, o, "")
		if err != nil && !final(err) {
			return nil, err // which version it is that stays as it was, nobody knows
		}
		k.Latest = k.Err == nil
		return []keys.Key{k}, nil
	}
	return s.pinned(ctx, token, o)
}

// pinned returns the versions that the configuration names.
func (s *Source) pinned(ctx context.Context, token string, o object) ([]keys.Key, error) {
	var list []keys.Key
	var errs []error
	for _, version := range o.versions {
		k, err := s.version(ctx, token, o, version)
		if !final(err) {
			errs = append(errs, err)
		}
		list = append(list, k)
	}
	return s.ordered(list), errors.Join(errs...)
}

// every returns all versions there are. What is disabled is not asked for.
func (s *Source) every(ctx context.Context, token string, o object) ([]keys.Key, error) {
	listed, err := s.list(ctx, token, o)
	if err != nil {
		if final(err) {
			return []keys.Key{{Name: o.name, Err: err}}, nil
		}
		return nil, err
	}
	if len(listed) == 0 {
		return []keys.Key{{Name: o.name, Err: &keys.Error{Step: o.step(), Code: "NotFound", Message: "there is none of that name in the vault"}}}, nil
	}
	var list []keys.Key
	var errs []error
	for _, v := range listed {
		k := keys.Key{Name: o.name, Version: v.version, Err: errDisabled(o)}
		s.remember(o.name, v.version, v.Created)
		if v.Enabled {
			var err error
			if k, err = s.version(ctx, token, o, v.version); !final(err) {
				errs = append(errs, err)
			}
		}
		list = append(list, k)
	}
	return s.ordered(list), errors.Join(errs...)
}

// version returns one version, "" the current one. Its error is in the key too: a
// final one as it is, every other as one that leaves the last good key in force.
func (s *Source) version(ctx context.Context, token string, o object, version string) (keys.Key, error) {
	k := keys.Key{Name: o.name, Version: version}
	var found attributes
	var err error
	if o.kind == secrets {
		found, k.PEM, err = s.certificate(ctx, token, o, version)
	} else {
		found, k.PEM, err = s.publicKey(ctx, token, o, version)
	}
	if err == nil && !found.Enabled {
		err = errDisabled(o)
	}
	if found.version != "" {
		k.Version = found.version
		s.remember(o.name, k.Version, found.Created)
	}
	k.NotBefore, k.NotAfter = found.notBefore(), found.notAfter()
	if err != nil {
		k.PEM, k.Err = nil, err
	}
	if !final(err) {
		k.Err = unseen(err)
	}
	return k, err
}

// final reports whether the service has said that there is nothing to use, or that
// there is: nil is final.
func final(err error) bool {
	e, ok := errors.AsType[*keys.Error](err)
	return err == nil || ok && (strings.HasSuffix(e.Code, "Disabled") || strings.HasSuffix(e.Code, "NotFound") || e.Code == codeContent)
}

// codeContent is ours: the version was seen, and is not what was asked for.
const codeContent = "unusable"

func errDisabled(o object) error {
	return &keys.Error{Step: o.step(), Code: "Disabled", Message: "this version is disabled in the vault"}
}

// unseen makes of an error one that leaves the last good key in force.
func unseen(err error) error {
	e, ok := errors.AsType[*keys.Error](err)
	if !ok {
		return &keys.Error{Step: "fetch", Retryable: true, Err: err}
	}
	copied := *e
	copied.Retryable = true
	return &copied
}

func (s *Source) remember(name, version string, created int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created[name+"/"+version] = created
}

// ordered sorts by age and marks the newest that is in use. One that could not be
// seen this time still counts: an older one is not the latest for that.
func (s *Source) ordered(list []keys.Key) []keys.Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := func(k keys.Key) int64 { return s.created[k.Name+"/"+k.Version] }
	slices.SortStableFunc(list, func(a, b keys.Key) int { return int(min(max(age(a)-age(b), -1), 1)) })
	for i := len(list) - 1; i >= 0; i-- {
		e, failed := errors.AsType[*keys.Error](list[i].Err)
		if list[i].Err == nil || failed && e.Retryable {
			list[i].Latest = true
			return list
		}
	}
	return list
}

// attributes is what the service says of a version.
type attributes struct {
	Enabled   bool  `json:"enabled"`
	NotBefore int64 `json:"nbf"` // seconds since 1970; 0: none
	Expires   int64 `json:"exp"`
	Created   int64 `json:"created"`

	version string
}

func (a attributes) notBefore() time.Time { return at(a.NotBefore) }
func (a attributes) notAfter() time.Time  { return at(a.Expires) }

func at(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
