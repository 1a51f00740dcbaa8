// SPDX-License-Identifier: Apache-2.0

// Package url is the key provider of web servers. Each key is pinned by its
// digest: the server and the way to it need not be trusted, and cannot change
// what is.
package url

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// maxBytes bounds one key: certificates and keys have KiB.
const maxBytes = 1 << 20

// Key is one key of the configuration.
type Key struct {
	Name   string // as trust documents write it. Required.
	URL    string // https. Required.
	SHA256 string // of the content, 64 hex digits. Required.
}

// Options configures a [Source].
type Options struct {
	// Client has a timeout and decides which addresses may be dialled and which
	// redirects followed. Required.
	Client *http.Client
	// Keys lists what is fetched. Required.
	Keys []Key
}

// Source is a [keys.Source]. What was fetched once is never asked for again: its
// digest says that it cannot have changed. It may be shared between goroutines.
type Source struct {
	o Options

	mu      sync.Mutex
	fetched map[string][]byte // by digest
}

// New returns a source.
func New(o Options) *Source { return &Source{o: o, fetched: map[string][]byte{}} }

// Fetch gets every key that was not fetched before. What fails keeps none of the
// others.
func (s *Source) Fetch(ctx context.Context) (keys.Snapshot, error) {
	var snapshot keys.Snapshot
	var errs []error
	for _, k := range s.o.Keys {
		raw, err := s.content(ctx, k)
		if err != nil {
			errs = append(errs, err)
		}
		snapshot.Keys = append(snapshot.Keys, keys.Key{Name: k.Name, PEM: raw, Latest: true, Err: err})
	}
	return snapshot, errors.Join(errs...)
}

func (s *Source) content(ctx context.Context, k Key) ([]byte, error) {
	s.mu.Lock()
	raw, ok := s.fetched[k.SHA256]
	s.mu.Unlock()
	if ok {
		return raw, nil
	}
	raw, err := s.get(ctx, k)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	if got := hex.EncodeToString(sum[:]); got != k.SHA256 {
		return nil, &keys.Error{Step: "get " + host(k.URL), Message: fmt.Sprintf("the content has the digest %s, and sha256 wants %s; look at what changed before you write the new one", got, k.SHA256)}
	}
	s.mu.Lock()
	s.fetched[k.SHA256] = raw
	s.mu.Unlock()
	return raw, nil
}

func (s *Source) get(ctx context.Context, k Key) ([]byte, error) {
	step := "get " + host(k.URL)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.URL, http.NoBody)
	if err != nil {
		return nil, &keys.Error{Step: step, Message: "not a URL"}
	}
	resp, err := s.o.Client.Do(req)
	if err != nil {
		return nil, problem.Unreachable(step, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, keys.Refused(step, resp.StatusCode, "", problem.Sanitise(http.StatusText(resp.StatusCode)))
	}
	raw, err := outbound.ReadAll(resp.Body, maxBytes)
	if err != nil {
		return nil, problem.Unreachable(step, err)
	}
	return raw, nil
}

// host is all of a URL that messages repeat: a query may be a signature.
func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "?"
	}
	return u.Host
}
