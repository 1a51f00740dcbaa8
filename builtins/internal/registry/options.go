// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"cmp"
	"net/http"
	"net/url"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/auth"
)

// Options configures a [Client]. The zero value pulls anonymously from every
// registry.
type Options struct {
	// Registries holds what is special about some registries; the most specific
	// match counts. Empty: nothing is special.
	Registries []Registry
	// Allowed are the only references that may be asked about. Empty: all.
	Allowed []reference.Scope
	// Credentials of registries and mirrors. Nil: anonymous.
	Credentials auth.Credentials
	// Limits bound what a registry can make us read.
	Limits Limits
	// Retries is how often a request is repeated after a passing failure. Zero: 3,
	// so that one URL that is broken does not make its host guarded. Negative:
	// never.
	Retries int
	// Backoff is the pause before the first retry, give or take a half; it
	// doubles. Zero: 20 ms, see BenchmarkChain.
	Backoff time.Duration
	// Timeout bounds one request, its body and its token included. Zero: 30 s.
	Timeout time.Duration
	// HeaderTimeout bounds the wait for an answer to begin, connecting included;
	// the first attempt gets two fifths of it, as it may be on a dead connection.
	// Zero: 5 s.
	HeaderTimeout time.Duration
	// StallTimeout is the time in which 1 KiB per second of a body has to arrive.
	// Zero: 2 s.
	StallTimeout time.Duration
	// MaxConcurrent bounds the requests under way to all hosts together; see
	// [fair.Gate] for how hosts share it. Zero: 256.
	MaxConcurrent int
	// ConditionalBytes is the memory for lists of referrers that the registry gave an
	// ETag, in bytes. Zero: 4 MiB. Negative: none is kept.
	ConditionalBytes int64
	// UserAgent of every request. Empty: "opa-ratify".
	UserAgent string
	// Outbound says which addresses may be dialled. Zero: all but link-local and
	// metadata addresses.
	Outbound outbound.Policy
	// Proxy chooses the proxy of a request. Nil: HTTPS_PROXY, HTTP_PROXY, NO_PROXY.
	Proxy func(*http.Request) (*url.URL, error)
	// Observe is told of every request when it has ended, token requests
	// included. It must not block. Nil: nobody.
	Observe func(RequestEvent)
	// Now is the clock of token and knowledge lifetimes. Nil: [time.Now].
	Now func() time.Time
}

// Registry is what is special about a registry.
type Registry struct {
	// Match is a canonical host[:port], "*.host" for one more label, or "*".
	// Required.
	Match string
	// PlainHTTP uses HTTP instead of HTTPS. It is implied for localhost and
	// loopback addresses without CA, which then may not resolve to anything else.
	PlainHTTP bool
	// CA is PEM, trusted in addition to the system's authorities. Empty: none.
	CA []byte
	// Mirrors, host[:port][/prefix], are asked in order before the registry. The
	// reference keeps naming the registry. Empty: none.
	Mirrors []string
	// TrustedRealms are token servers, host[:port], that may get the registry's
	// credential though they have another host name. Empty: none.
	TrustedRealms []string
	// MaxConcurrent bounds the requests under way to one host, beside what
	// Options.MaxConcurrent leaves it. Zero: 64.
	MaxConcurrent int
}

// Limits bound answers. Reaching one is report.TooLarge or report.TooMany.
type Limits struct {
	// ManifestBytes of one manifest. Zero: 4 MiB, which OCI distribution v1.1.1,
	// "Pushing Manifests", makes registries accept.
	ManifestBytes int64
	// BlobBytes of one blob. Zero: 16 MiB: signatures have KiB, attestations MiB.
	BlobBytes int64
	// IndexBytes of one page of referrers. Zero: 4 MiB.
	IndexBytes int64
	// ReferrerPages of one list. Zero: 20.
	ReferrerPages int
	// Referrers of one list, of the wanted type. Zero: 2000.
	Referrers int
}

// RequestEvent is one finished HTTP request.
type RequestEvent struct {
	Host     string        // that was asked; of mirrors and token servers their own
	Kind     Kind          //
	Method   string        // "GET", "HEAD" or, for tokens, "TOKEN"
	Status   int           // HTTP status; 0 if there was no answer
	Duration time.Duration // until the body was read
}

// Kind is what a request asks for.
type Kind string

// The kinds of requests.
const (
	KindManifest  Kind = "manifest"
	KindBlob      Kind = "blob"
	KindReferrers Kind = "referrers"
	KindToken     Kind = "token"
)

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.withDefaults()
	if o.Retries == 0 {
		o.Retries = 3
	}
	o.Retries = max(o.Retries, 0)
	o.Backoff = cmp.Or(o.Backoff, 20*time.Millisecond)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, 5*time.Second)
	o.StallTimeout = cmp.Or(o.StallTimeout, 2*time.Second)
	o.ConditionalBytes = cmp.Or(o.ConditionalBytes, 4<<20)
	o.MaxConcurrent = cmp.Or(o.MaxConcurrent, 256)
	o.UserAgent = cmp.Or(o.UserAgent, "opa-ratify")
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (l Limits) withDefaults() Limits {
	l.ManifestBytes = cmp.Or(l.ManifestBytes, 4<<20)
	l.BlobBytes = cmp.Or(l.BlobBytes, 16<<20)
	l.IndexBytes = cmp.Or(l.IndexBytes, 4<<20)
	l.ReferrerPages = cmp.Or(l.ReferrerPages, 20)
	l.Referrers = cmp.Or(l.Referrers, 2000)
	return l
}
