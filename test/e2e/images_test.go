// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"context"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// image is one in olareg, with what is attached to it.
type image struct {
	tag    string // "127.0.0.1:5000/app:v1"
	pinned string // "127.0.0.1:5000/app@sha256:…"
	desc   ocispec.Descriptor
}

// attach signs an image, or attaches something else to it.
type attach func(ctx context.Context, r *registrytest.Registry, repo string, subject ocispec.Descriptor) error

// publish makes an image, lets others attach to it, and pushes all of it to olareg.
func (w *world) publish(t *testing.T, repo string, attached ...attach) image {
	t.Helper()
	subject, err := w.scratch.PushImage(t.Context(), repo, "v1")
	fatal(t, err)
	return w.push(t, w.registry, repo, subject, attached...)
}

// publishIndex does so with an image for two platforms.
func (w *world) publishIndex(t *testing.T, repo string, attached ...attach) image {
	t.Helper()
	subject, _, err := w.scratch.PushIndex(t.Context(), repo, "v1")
	fatal(t, err)
	return w.push(t, w.registry, repo, subject, attached...)
}

// push copies an image with its tags and referrers to the registry at host, by its API.
func (w *world) push(t *testing.T, host, repo string, subject ocispec.Descriptor, attached ...attach) image {
	t.Helper()
	for _, a := range attached {
		fatal(t, a(t.Context(), w.scratch, repo, subject))
	}
	from, to := repository(t, w.scratch.Host(), repo), repository(t, host, repo)
	to.Client = &auth.Client{Credential: auth.StaticCredential(host, auth.Credential{Username: robot, Password: password})}
	options := oras.DefaultExtendedCopyOptions
	options.Concurrency = 1 // olareg v0.2.2 forgets referrers of one subject that are pushed at the same time
	fatal(t, from.Tags(t.Context(), "", func(tags []string) error {
		for _, tag := range tags {
			if _, err := oras.ExtendedCopy(t.Context(), from, tag, to, tag, options); err != nil {
				return err
			}
		}
		return nil
	}))
	name := host + "/" + repo
	return image{tag: name + ":v1", pinned: name + "@" + subject.Digest.String(), desc: subject}
}

// robot may pull and push where a registry asks who is there.
const robot, password = "robot", "a long password of the e2e tests"

func repository(t *testing.T, host, repo string) *remote.Repository {
	t.Helper()
	r, err := remote.NewRepository(host + "/" + repo)
	fatal(t, err)
	r.PlainHTTP = true
	return r
}

// notation signs as notation does.
func notation(s *signtest.Signer, o signtest.SignOptions) attach {
	return func(ctx context.Context, r *registrytest.Registry, repo string, subject ocispec.Descriptor) error {
		_, err := s.SignAndAttach(ctx, r, repo, subject, o)
		return err
	}
}

// cosign signs as cosign does.
func cosign(s *sigstore.Signer, o sigstore.SignOptions) attach {
	return func(ctx context.Context, r *registrytest.Registry, repo string, subject ocispec.Descriptor) error {
		_, err := s.SignAndAttach(ctx, r, repo, subject, o)
		return err
	}
}

// authority is a CA and its signer of releases.
func authority(t *testing.T, name string) (*signtest.CA, *signtest.Signer) {
	t.Helper()
	ca, err := signtest.NewCA(signtest.CAOptions{CommonName: name})
	fatal(t, err)
	signer, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	return ca, signer
}
