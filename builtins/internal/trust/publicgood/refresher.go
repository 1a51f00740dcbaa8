// SPDX-License-Identifier: Apache-2.0

package publicgood

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// target is the name of the trusted root in the TUF repository.
const target = "trusted_root.json"

// Options configure a [Refresher].
type Options struct {
	// Client asks the TUF repository. Required: it has timeouts and decides which
	// addresses may be dialled.
	Client *http.Client
	// Mirror is the TUF repository, a URL. "": Sigstore's own.
	Mirror string
	// Root is the TUF root of trust, root.json. Nil: the one of Sigstore in
	// sigstore-go.
	Root []byte
	// CacheDir keeps the metadata between runs, so that a mirror cannot serve an
	// older version after a restart. "": they are kept nowhere.
	CacheDir string
	// Every is the time between refreshes. Zero: 24 h.
	Every time.Duration
	// Tried is told the outcome of each refresh, nil for success. Nil: nobody is.
	Tried func(error)
}

// Refresher keeps the trusted root of Sigstore's public instance up to date by
// The Update Framework. It may be shared between goroutines.
type Refresher struct {
	options Options
	current atomic.Pointer[[]byte]
}

// New returns a refresher that knows the embedded copy. It asks nobody before
// [Refresher.Run].
func New(o Options) *Refresher {
	o.Mirror = cmp.Or(o.Mirror, tuf.DefaultMirror)
	o.Every = cmp.Or(o.Every, 24*time.Hour)
	if o.Root == nil {
		o.Root = tuf.DefaultRoot()
	}
	if o.Tried == nil {
		o.Tried = func(error) {}
	}
	r := &Refresher{options: o}
	raw := Embedded()
	r.current.Store(&raw)
	return r
}

// TrustedRoot returns the newest trusted root that was verified, as JSON. It
// answers from memory. A nil Refresher knows the embedded copy.
func (r *Refresher) TrustedRoot() []byte {
	if r == nil {
		return Embedded()
	}
	return slices.Clone(*r.current.Load())
}

// Run refreshes at once and then regularly, until ctx ends. A refresh that fails
// leaves the trusted root as it is.
func (r *Refresher) Run(ctx context.Context) {
	ticker := time.NewTicker(r.options.Every)
	defer ticker.Stop()
	for {
		r.options.Tried(r.Refresh(ctx))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Refresh asks the TUF repository once. What it serves counts only if it is
// signed by the root of trust, not expired, and a trusted root.
//
// Spec: The Update Framework v1.0.33, "Detailed client workflow".
func (r *Refresher) Refresh(ctx context.Context) error {
	o := tuf.Options{
		Root: r.options.Root, RepositoryBaseURL: r.options.Mirror, CachePath: r.options.CacheDir,
		DisableLocalCache: r.options.CacheDir == "", Fetcher: fetcher{ctx, r.options.Client},
	}
	client, err := tuf.New(&o)
	if err != nil {
		return fmt.Errorf("refresh trusted root from %s: %w", r.options.Mirror, err)
	}
	raw, err := client.GetTarget(target)
	if err != nil {
		return fmt.Errorf("refresh trusted root from %s: %w", r.options.Mirror, err)
	}
	if _, err := root.NewTrustedRootFromJSON(raw); err != nil {
		return fmt.Errorf("refresh trusted root from %s: %w", r.options.Mirror, err)
	}
	r.current.Store(&raw)
	return nil
}

// fetcher is how go-tuf reaches the repository: through our client, for as long
// as ctx lasts.
type fetcher struct {
	ctx    context.Context // go-tuf v2 passes none
	client *http.Client
}

// DownloadFile implements go-tuf's Fetcher.
func (f fetcher) DownloadFile(url string, maxLength int64, _ time.Duration) ([]byte, error) {
	req, err := http.NewRequestWithContext(f.ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxLength+1))
	err = errors.Join(err, res.Body.Close())
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode != http.StatusOK:
		return nil, &metadata.ErrDownloadHTTP{StatusCode: res.StatusCode, URL: url}
	case int64(len(raw)) > maxLength:
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: fmt.Sprintf("%s has more than %d bytes", url, maxLength)}
	}
	return raw, nil
}
