// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/opencontainers/go-digest"
)

// Options is the behaviour a registry keeps for life. The zero value serves plain HTTP
// to anybody, with the Referrers API, on a free port of 127.0.0.1.
type Options struct {
	// TLS serves HTTPS (HTTP/2 and 1.1) with a throw-away CA; see [Registry.CA].
	TLS bool
	// NoReferrersAPI answers 404 on /v2/<name>/referrers/ and no OCI-Subject to
	// pushes, so that clients must use the referrers tag schema.
	NoReferrersAPI bool
	// PageSize is the number of descriptors in one answer of the Referrers API; more
	// are announced by Link. Zero: everything in one answer.
	PageSize int
	// Basic demands this user name and password. Nil: no basic authentication.
	Basic *Basic
	// Token demands bearer tokens of a token server. Nil: none. Excludes Basic.
	Token *Token
	// Denied lists repositories whose every request is answered 403, after
	// authentication.
	Denied []string
	// RedirectBlobs answers blob downloads with 307 to a second server on another
	// port, which refuses requests that carry an Authorization header.
	RedirectBlobs bool
	// ETags gives lists of referrers and manifests by tag an ETag and answers 304 to
	// requests with the current one in If-None-Match.
	ETags bool
	// Latency is the delay before every answer, of all servers. Zero: none.
	Latency time.Duration
	// Addr is the address to listen on. Empty: "127.0.0.1:0".
	Addr string
	// Now is the clock that tokens expire by. Nil: [time.Now].
	Now func() time.Time
}

// Registry is a running registry with its token and blob servers, if it has any.
// It may be used concurrently.
type Registry struct {
	options  Options
	store    *ocimem.Registry
	protocol http.Handler // ociserver over store
	log      requestLog
	faults   faultList
	issuer   *issuer // nil without Options.Token

	authority *authority // nil without Options.TLS
	main      *server
	token     *server // nil unless Token.SeparateHost
	blobs     *server // nil without Options.RedirectBlobs

	tagSchema sync.Mutex // serialises updates of referrers tags
	malformed malformed
}

// New starts a registry. The caller closes it.
func New(o Options) (*Registry, error) {
	if o.Basic != nil && o.Token != nil {
		return nil, fmt.Errorf("registry options: Basic and Token exclude each other")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	store := ocimem.NewWithConfig(&ocimem.Config{LaxChildReferences: true})
	r := &Registry{
		options: o,
		store:   store,
		protocol: ociserver.New(store, &ociserver.Options{
			DisableReferrersAPI: o.NoReferrersAPI,
		}),
	}
	if err := r.listen(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Start is [New] for tests: it fails tb when the registry cannot start and closes it
// when tb ends.
func Start(tb testing.TB, o Options) *Registry {
	tb.Helper()
	r, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

// Host is the registry part of references to this registry, "127.0.0.1:41234".
func (r *Registry) Host() string { return r.main.host }

// URL is the root of the registry, "http://127.0.0.1:41234".
func (r *Registry) URL() string { return r.main.url() }

// TokenURL is the realm of the token server, or "" without [Options.Token].
func (r *Registry) TokenURL() string {
	switch {
	case r.issuer == nil:
		return ""
	case r.token != nil:
		return r.token.url() + tokenPath
	default:
		return r.main.url() + tokenPath
	}
}

// CA is the PEM of the authority that signed the servers' certificates, or nil without
// [Options.TLS].
func (r *Registry) CA() []byte {
	if r.authority == nil {
		return nil
	}
	return r.authority.pem()
}

// Reference is the reference of a manifest by digest, "127.0.0.1:41234/app@sha256:…".
func (r *Registry) Reference(repo string, d digest.Digest) string {
	return r.Host() + "/" + repo + "@" + d.String()
}

// Close stops all servers, cancels the requests under way and waits for them.
func (r *Registry) Close() {
	for _, s := range []*server{r.main, r.token, r.blobs} {
		if s != nil {
			s.close()
		}
	}
}

func (r *Registry) listen() (err error) {
	if r.options.TLS {
		if r.authority, err = newAuthority(); err != nil {
			return err
		}
	}
	if r.options.RedirectBlobs {
		if r.blobs, err = startServer("", r.authority, r.chain(ServerBlobs, http.HandlerFunc(r.serveBlob))); err != nil {
			return err
		}
	}
	if r.options.Token != nil {
		r.issuer = newIssuer(*r.options.Token, r.options.Now)
		if r.options.Token.SeparateHost {
			if r.token, err = startServer("", r.authority, r.chain(ServerToken, r.issuer)); err != nil {
				return err
			}
		}
	}
	r.main, err = startServer(r.options.Addr, r.authority, r.mainHandler())
	return err
}

// mainHandler serves the registry and, unless it has a host of its own, the token server.
func (r *Registry) mainHandler() http.Handler {
	registry := r.chain(ServerRegistry, r.registryHandler())
	if r.issuer == nil || r.token != nil {
		return registry
	}
	token := r.chain(ServerToken, r.issuer)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == tokenPath {
			token.ServeHTTP(w, req)
			return
		}
		registry.ServeHTTP(w, req)
	})
}
