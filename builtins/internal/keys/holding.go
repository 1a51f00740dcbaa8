// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxKeys bounds the versions of all keys of one provider.
const maxKeys = 10_000

// holding is a key and when it was last seen.
type holding struct {
	Key

	seen  time.Time
	doubt error // why it could not be seen again since; nil: it was
}

// take merges a snapshot into what is held.
func (p *provider) take(s Snapshot, err error) {
	now := p.o.Now()
	if len(s.Keys) > maxKeys {
		s, err = Snapshot{}, &Error{Step: "fetch", Message: fmt.Sprintf("it has %d keys, at most %d are supported", len(s.Keys), maxKeys)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = merge(p.held, s, err, now)
	p.err, p.tried, p.started = err, now, true
	if err == nil {
		p.since, p.failed = now, 0
	} else {
		p.failed++
	}
	select {
	case <-p.first:
	default:
		close(p.first)
	}
}

// merge returns what is held after a fetch. A key that the source did not name
// stays only if something kept the source from seeing everything.
func merge(held []holding, s Snapshot, err error, now time.Time) []holding {
	named := map[string]bool{}
	var merged []holding
	for _, k := range s.Keys {
		named[k.Name] = true
		next := holding{Key: sanitised(k), seen: now}
		if last, ok := lastGood(held, k); ok && next.Err != nil && passing(next.Err) {
			next = last
			next.doubt = k.Err
		}
		merged = append(merged, next)
	}
	for _, h := range held {
		if err != nil && !named[h.Name] {
			h.doubt = err
			merged = append(merged, h)
		}
	}
	return merged
}

func lastGood(held []holding, k Key) (holding, bool) {
	i := slices.IndexFunc(held, func(h holding) bool { return h.Name == k.Name && h.Version == k.Version && h.Err == nil })
	if i < 0 {
		return holding{}, false
	}
	return held[i], true
}

// sanitised refuses what no source should hand out: a key without content, and a
// private key, which must not travel any further.
func sanitised(k Key) Key {
	switch {
	case k.Err != nil:
		k.PEM = nil
	case len(bytes.TrimSpace(k.PEM)) == 0:
		k.PEM, k.Err = nil, &Error{Step: "read", Message: "it is empty"}
	case hasPrivateKey(k.PEM):
		k.PEM, k.Err = nil, &Error{Step: "read", Message: "it holds a PRIVATE KEY; remove it from there at once and replace it: only certificates and public keys are wanted"}
	}
	return k
}

func hasPrivateKey(raw []byte) bool {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return true
		}
	}
	return false
}

// find selects by name and version.
func (p *provider) find(name, version string) Found {
	p.mu.Lock()
	held, err := p.held, p.err
	p.mu.Unlock()
	of := named(held, name)
	if len(of) == 0 {
		return Found{Absent: []Absent{missing(names(held), err)}}
	}
	chosen := choose(of, version)
	if len(chosen) == 0 {
		return Found{Absent: []Absent{{Version: version, Err: noVersion(of, version)}}}
	}
	var f Found
	for _, h := range chosen {
		if absent := p.objection(h); absent != nil {
			f.Absent = append(f.Absent, *absent)
		} else {
			f.Keys = append(f.Keys, h.Key)
		}
	}
	if version == AllEnabled && len(f.Keys) > 0 {
		f.Absent = slices.DeleteFunc(f.Absent, func(a Absent) bool { return !a.Unseen }) // they were not asked for
	}
	return f
}

func noVersion(of []holding, version string) error {
	if version == "" || version == Latest {
		return fmt.Errorf("none of its versions %s is enabled", listed(versions(of)))
	}
	return fmt.Errorf("it has no version %q; there are %s", version, listed(versions(of)))
}

// missing says why there is no key of a name: without a good fetch nobody knows
// whether there is one.
func missing(known []string, err error) Absent {
	if err != nil {
		return Absent{Err: err, Unseen: true, Retryable: retryable(err)}
	}
	return Absent{Err: fmt.Errorf("there is none of that name; there are %s", listed(known))}
}

// choose returns the versions that are meant. The only one of a name is its
// latest.
func choose(of []holding, version string) []holding {
	switch version {
	case AllEnabled:
		return of
	case "", Latest:
		if len(of) == 1 {
			return of
		}
		return slices.DeleteFunc(slices.Clone(of), func(h holding) bool { return !h.Latest })
	default:
		return slices.DeleteFunc(slices.Clone(of), func(h holding) bool { return h.Version != version && !h.whole() })
	}
}

// whole reports whether a finding is about every version of a name.
func (h holding) whole() bool { return h.Version == "" && h.Err != nil }

var (
	errNotYetValid = errors.New("not yet valid")
	errExpired     = errors.New("expired")
)

// objection says why a key is not in force now, nil if it is.
func (p *provider) objection(h holding) *Absent {
	now := p.o.Now()
	switch {
	case h.Err != nil:
		return &Absent{Version: h.Version, Err: h.Err, Unseen: passing(h.Err), Retryable: passing(h.Err)}
	case !h.NotBefore.IsZero() && now.Before(h.NotBefore):
		return &Absent{Version: h.Version, Err: fmt.Errorf("%w: it is from %s", errNotYetValid, h.NotBefore.UTC().Format(time.RFC3339))}
	case !h.NotAfter.IsZero() && !now.Before(h.NotAfter):
		return &Absent{Version: h.Version, Err: fmt.Errorf("%w at %s", errExpired, h.NotAfter.UTC().Format(time.RFC3339))}
	case h.doubt != nil && now.Sub(h.seen) > p.MaxStale:
		return &Absent{Version: h.Version, Unseen: true, Retryable: retryable(h.doubt), Err: fmt.Errorf("last seen at %s, longer ago than max_stale allows: %w", h.seen.UTC().Format(time.RFC3339), h.doubt)}
	}
	return nil
}

func (p *provider) status() Status {
	p.mu.Lock()
	held, st := p.held, Status{Provider: p.Name, Since: p.since, Err: p.err}
	p.mu.Unlock()
	for _, h := range held {
		if p.objection(h) == nil {
			st.Keys++
		}
	}
	st.Empty = st.Err != nil && st.Keys == 0
	return st
}

func named(held []holding, name string) []holding {
	var of []holding
	for _, h := range held {
		if h.Name == name {
			of = append(of, h)
		}
	}
	return of
}

func names(held []holding) []string {
	var all []string
	for _, h := range held {
		if !slices.Contains(all, h.Name) {
			all = append(all, h.Name)
		}
	}
	return all
}

func versions(of []holding) []string {
	var all []string
	for _, h := range of {
		all = append(all, h.Version)
	}
	return all
}
