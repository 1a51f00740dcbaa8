// SPDX-License-Identifier: Apache-2.0

package publicgood_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/opa-ratify/opa-ratify/builtins/internal/trust/publicgood"
)

func TestEmbedded(t *testing.T) {
	t.Parallel()
	trusted, err := root.NewTrustedRootFromJSON(publicgood.Embedded())
	must(t, err)
	if len(trusted.RekorLogs()) == 0 || len(trusted.CTLogs()) == 0 || len(trusted.FulcioCertificateAuthorities()) == 0 || len(trusted.TimestampingAuthorities()) == 0 {
		t.Error("a part is missing")
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// repository is a TUF repository of one key.
type repository struct {
	*testing.T

	signer signature.Signer
	key    *metadata.Key
	files  map[string][]byte
}

func newRepository(t *testing.T, trustedRoot []byte, expires time.Time) *repository {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	r := &repository{T: t, files: map[string][]byte{}}
	r.signer, err = signature.LoadSigner(private, crypto.Hash(0))
	must(t, err)
	r.key, err = metadata.KeyFromPublicKey(public)
	must(t, err)
	r.write(trustedRoot, expires)
	return r
}

// write signs the four roles over one target.
func (r *repository) write(trustedRoot []byte, expires time.Time) {
	r.Helper()
	top := metadata.Root(time.Now().Add(time.Hour))
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		must(r, top.Signed.AddKey(r.key, role))
	}
	targets := metadata.Targets(time.Now().Add(time.Hour))
	file, err := metadata.TargetFile().FromBytes("trusted_root.json", trustedRoot)
	must(r, err)
	targets.Signed.Targets["trusted_root.json"] = file
	sum := sha256.Sum256(trustedRoot)
	r.files["/targets/"+hex.EncodeToString(sum[:])+".trusted_root.json"] = trustedRoot
	signed(r, "/1.root.json", top)
	signed(r, "/1.targets.json", targets)
	signed(r, "/1.snapshot.json", metadata.Snapshot(time.Now().Add(time.Hour)))
	signed(r, "/timestamp.json", metadata.Timestamp(expires))
}

func signed[T metadata.Roles](r *repository, path string, m *metadata.Metadata[T]) {
	r.Helper()
	_, err := m.Sign(r.signer)
	must(r, err)
	raw, err := m.ToBytes(false)
	must(r, err)
	r.files[path] = raw
}

func (r *repository) serve(files map[string][]byte) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		raw, found := files[req.URL.Path]
		if !found {
			http.NotFound(w, req)
			return
		}
		_, err := w.Write(raw)
		if err != nil {
			r.Error(err)
		}
	}))
	r.Cleanup(s.Close)
	return s
}

func (r *repository) refresher(s *httptest.Server) *publicgood.Refresher {
	return publicgood.New(publicgood.Options{Client: s.Client(), Mirror: s.URL, Root: r.files["/1.root.json"]})
}

func newer() []byte { return append(publicgood.Embedded(), "\n\n"...) }

func TestRefresh(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newer(), time.Now().Add(time.Hour))
	refresher := r.refresher(r.serve(r.files))
	if !bytes.Equal(refresher.TrustedRoot(), publicgood.Embedded()) {
		t.Error("before the first refresh it is not the embedded one")
	}
	must(t, refresher.Refresh(t.Context()))
	if !bytes.Equal(refresher.TrustedRoot(), newer()) {
		t.Error("the trusted root is not the repository's")
	}
}

// Whatever the repository gets wrong, the trusted root stays as it was.
func TestRefresh_refuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		root    []byte
		expires time.Duration
		tamper  func(r *repository, files map[string][]byte)
	}{
		{name: "expired", root: newer(), expires: -time.Hour},
		{name: "not a trusted root", root: []byte("{}"), expires: time.Hour},
		{name: "signed by a stranger", root: newer(), expires: time.Hour, tamper: func(r *repository, files map[string][]byte) {
			maps.Copy(files, newRepository(r.T, newer(), time.Now().Add(time.Hour)).files)
		}},
		{name: "target changed", root: newer(), expires: time.Hour, tamper: func(_ *repository, files map[string][]byte) {
			for path := range files {
				if strings.HasSuffix(path, ".trusted_root.json") {
					files[path] = publicgood.Embedded()
				}
			}
		}},
		{name: "nothing there", root: newer(), expires: time.Hour, tamper: func(_ *repository, files map[string][]byte) { clear(files) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t, tt.root, time.Now().Add(tt.expires))
			files := maps.Clone(r.files)
			if tt.tamper != nil {
				tt.tamper(r, files)
			}
			refresher := r.refresher(r.serve(files))
			if err := refresher.Refresh(t.Context()); err == nil {
				t.Error("no error")
			}
			if !bytes.Equal(refresher.TrustedRoot(), publicgood.Embedded()) {
				t.Error("the trusted root changed")
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newer(), time.Now().Add(time.Hour))
	s := r.serve(r.files)
	ctx, cancel := context.WithCancel(t.Context())
	tried := make(chan error)
	refresher := publicgood.New(publicgood.Options{Client: s.Client(), Mirror: s.URL, Root: r.files["/1.root.json"], Every: time.Millisecond, Tried: func(err error) {
		select {
		case tried <- err:
		case <-ctx.Done():
		}
	}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		refresher.Run(ctx)
	}()
	for range 2 {
		must(t, <-tried)
	}
	cancel()
	<-done
	if !bytes.Equal(refresher.TrustedRoot(), newer()) {
		t.Error("the trusted root is not the repository's")
	}
}

func TestRefresh_cancelled(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newer(), time.Now().Add(time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.refresher(r.serve(r.files)).Refresh(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestTrustedRoot_nil(t *testing.T) {
	t.Parallel()
	var none *publicgood.Refresher
	if !bytes.Equal(none.TrustedRoot(), publicgood.Embedded()) {
		t.Error("a nil refresher does not know the embedded trusted root")
	}
}
