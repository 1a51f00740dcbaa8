// SPDX-License-Identifier: Apache-2.0

package yardstick

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	artifactType = "application/vnd.cncf.notary.signature"
	maxBody      = 16 << 20
)

// accepted are the media types of manifests.
var accepted = strings.Join([]string{
	ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex,
	"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
}, ", ")

// registry asks registries. Connections, tokens and what registries cannot do are
// remembered.
type registry struct {
	client *http.Client
	tokens tokens
	noAPI  sync.Map // host → registry has no Referrers API
}

func newRegistry(now func() time.Time) *registry {
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > 3 {
				return http.ErrUseLastResponse
			}
			req.Header.Del("Authorization") // an object store is another host
			return nil
		},
	}
	return &registry{client: client, tokens: newTokens(client, now)}
}

// resolve asks which digest a tag names.
//
// Spec: OCI distribution v1.1.1, "Checking if content exists in the registry".
func (r *registry) resolve(ctx context.Context, ref reference) (digest.Digest, error) {
	a, err := r.ask(ctx, http.MethodHead, ref, ref.url("manifests", ref.tag))
	if err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", a.unexpected()
	}
	return digest.Parse(a.header.Get("Docker-Content-Digest"))
}

// signatures lists the signatures of subject.
//
// Spec: OCI distribution v1.1.1, "Listing Referrers", "Unavailable Referrers API".
func (r *registry) signatures(ctx context.Context, ref reference, subject digest.Digest) ([]ocispec.Descriptor, error) {
	a, err := r.referrers(ctx, ref, subject)
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusNotFound {
		return nil, nil
	}
	if a.status != http.StatusOK {
		return nil, a.unexpected()
	}
	var index ocispec.Index
	if err := json.Unmarshal(a.body, &index); err != nil {
		return nil, fmt.Errorf("decode %s: %w", a.url.Path, err)
	}
	return slices.DeleteFunc(index.Manifests, func(d ocispec.Descriptor) bool { return d.ArtifactType != artifactType }), nil
}

func (r *registry) referrers(ctx context.Context, ref reference, subject digest.Digest) (*answer, error) {
	if _, missing := r.noAPI.Load(ref.host); !missing {
		u := ref.url("referrers", subject.String())
		u.RawQuery = url.Values{"artifactType": {artifactType}}.Encode()
		a, err := r.ask(ctx, http.MethodGet, ref, u)
		if err != nil || a.status != http.StatusNotFound {
			return a, err
		}
		r.noAPI.Store(ref.host, true)
	}
	return r.ask(ctx, http.MethodGet, ref, ref.url("manifests", strings.Replace(subject.String(), ":", "-", 1)))
}

// fetch answers content by digest; kind is manifests or blobs.
func (r *registry) fetch(ctx context.Context, ref reference, kind string, d digest.Digest) ([]byte, error) {
	a, err := r.ask(ctx, http.MethodGet, ref, ref.url(kind, d.String()))
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, a.unexpected()
	}
	if digest.FromBytes(a.body) != d {
		return nil, fmt.Errorf("GET %s: other content than asked for", a.url.Path)
	}
	return a.body, nil
}

// answer is a response that was read.
type answer struct {
	url    *url.URL
	status int
	header http.Header
	body   []byte
}

func (a *answer) unexpected() error {
	return fmt.Errorf("%s: status %d", a.url.Path, a.status)
}

// once sends one request, with a token if there is one.
func (r *registry) once(ctx context.Context, method string, u *url.URL, token string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accepted)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return do(r.client, req)
}

func do(client *http.Client, req *http.Request) (*answer, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", req.URL.Path, err)
	}
	return &answer{url: req.URL, status: resp.StatusCode, header: resp.Header, body: body}, nil
}
