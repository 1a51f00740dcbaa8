// SPDX-License-Identifier: Apache-2.0

// Package yardstick is a Gatekeeper provider written for nothing but the fewest
// dependent requests: what verifying Notation signatures must cost, to compare the
// product with.
//
//	keys ─▶ resolve ─▶ referrers ─▶ manifest ─▶ envelope ─▶ notation-go ─▶ item
//	        tag, TTL   list, TTL    by digest   by digest   outcome kept
//
// It shares no code with the product: its registry client, its caches and its
// reading of references are its own, and small, because it serves only benchmarks.
// It has no policy, no limits on what it reads beyond a size, and answers one word
// per image. Keys of a request and signatures of an image are asked for together,
// equal questions at the same time once, and the token of a repository is kept.
package yardstick

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/notaryproject/notation-go"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Options say what a provider trusts and how long it believes.
type Options struct {
	// Roots are the certificates of the one trust store. Required.
	Roots []*x509.Certificate
	// TTL is how long tags and lists of referrers are believed. Zero: not at all.
	TTL time.Duration
	// Timeout bounds one request. Required.
	Timeout time.Duration
	// Now is the clock that TTL is measured by. Nil: [time.Now].
	Now func() time.Time
}

// Provider answers Gatekeeper's ProviderRequests. It may be used concurrently.
type Provider struct {
	options   Options
	verifier  notation.Verifier
	registry  *registry
	tags      *memo[digest.Digest]
	referrers *memo[[]ocispec.Descriptor]
	content   *memo[[]byte]
	outcomes  *memo[error]
}

// New makes a provider. The error is that of notation-go about the trust policy.
func New(o Options) (*Provider, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	verifier, err := newVerifier(o.Roots)
	if err != nil {
		return nil, err
	}
	return &Provider{
		options:   o,
		verifier:  verifier,
		registry:  newRegistry(o.Now),
		tags:      newMemo[digest.Digest](o.TTL, o.Now),
		referrers: newMemo[[]ocispec.Descriptor](o.TTL, o.Now),
		content:   newMemo[[]byte](forever, o.Now),
		outcomes:  newMemo[error](forever, o.Now),
	}, nil
}

// The wire format, as far as it is needed.
// Spec: externaldata.gatekeeper.sh/v1beta1.
type request struct {
	Request struct {
		Keys []string `json:"keys"`
	} `json:"request"`
}

type response struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Response   verdicts `json:"response"`
}

type verdicts struct {
	Idempotent  bool   `json:"idempotent"`
	Items       []item `json:"items"`
	SystemError string `json:"systemError"`
}

type item struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

type value struct {
	IsSuccess bool          `json:"isSuccess"`
	Digest    digest.Digest `json:"digest,omitempty"`
	Error     string        `json:"error,omitempty"`
}

// ServeHTTP answers one ProviderRequest: an item for every key that was decided, the
// others are named in systemError.
func (p *Provider) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var question request
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, 1<<20)).Decode(&question); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := json.Marshal(response{
		APIVersion: "externaldata.gatekeeper.sh/v1beta1", Kind: "ProviderResponse",
		Response: p.verdicts(req.Context(), question.Request.Keys),
	})
	if err != nil {
		panic(err) // strings and booleans
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // a client that is gone needs no answer
}

func (p *Provider) verdicts(ctx context.Context, keys []string) verdicts {
	ctx, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	found := make([]finding, len(keys))
	var all sync.WaitGroup
	for i, key := range keys[min(1, len(keys)):] {
		all.Go(func() { found[i+1] = p.find(ctx, key) })
	}
	if len(keys) > 0 {
		found[0] = p.find(ctx, keys[0]) // the only key, mostly: no goroutine
	}
	all.Wait()
	v := verdicts{Items: []item{}}
	var open []string
	for i, f := range found {
		if f.open != nil {
			open = append(open, keys[i]+": "+f.open.Error())
			continue
		}
		v.Items = append(v.Items, item{Key: keys[i], Value: f.value})
	}
	v.SystemError = strings.Join(open, "; ")
	return v
}

// finding is what is known about one key: a value, or why there is none.
type finding struct {
	value value
	open  error
}

func (p *Provider) find(ctx context.Context, key string) finding {
	subject, err := p.Verify(ctx, key)
	switch {
	case err == nil:
		return finding{value: value{IsSuccess: true, Digest: subject}}
	case rejected(err):
		return finding{value: value{Digest: subject, Error: err.Error()}}
	default:
		return finding{open: err}
	}
}
