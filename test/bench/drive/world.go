// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// world is a registry and the images in it, no two of them the same.
type world struct {
	*bench

	registry *registrytest.Registry
	latency  time.Duration
	images   int
}

// image is one signed image.
type image struct{ tag, digest string } // references

// cloud is what registries of clouds do: tokens, and blobs from an object store.
func cloud(latency time.Duration) registrytest.Options {
	return registrytest.Options{
		Latency: latency, RedirectBlobs: true,
		Token: &registrytest.Token{Lifetime: time.Hour}, // never renewed while it is measured
	}
}

func (b *bench) world(o registrytest.Options) (*world, error) {
	registry, err := registrytest.New(o)
	return &world{bench: b, registry: registry, latency: o.Latency}, err
}

// known is the repository of whose token everybody knows after [world.greet].
const known = "app"

// greet lets systems learn what they learn once: what the registry can do, the token
// of the repository known, connections.
func (w *world) greet(ctx context.Context, systems ...*system) error {
	images, err := w.push(ctx, 1, known)
	if err != nil {
		return err
	}
	for _, s := range systems {
		if _, err := s.admitted(ctx, images[0].tag, images[0].digest); err != nil {
			return err
		}
	}
	return w.settle(ctx)
}

// push makes n new images in repo, signed by the trusted signer. Unless repo is [known],
// it has a verb for the number of the image.
func (w *world) push(ctx context.Context, n int, repo string) ([]image, error) {
	images := make([]image, n)
	for i := range images {
		in := repo
		if repo != known {
			in = fmt.Sprintf(repo, w.images)
		}
		desc, err := w.unsigned(ctx, in)
		if err != nil {
			return nil, err
		}
		if _, err := w.signer.SignAndAttach(ctx, w.registry, in, desc, signtest.SignOptions{}); err != nil {
			return nil, err
		}
		images[i] = w.image(in, desc)
	}
	return images, nil
}

// unsigned pushes one new image to a repository.
func (w *world) unsigned(ctx context.Context, repo string) (ocispec.Descriptor, error) {
	w.images++
	return w.registry.PushImage(ctx, repo, w.lastTag())
}

// image is the one that was pushed last.
func (w *world) image(repo string, desc ocispec.Descriptor) image {
	return image{
		tag:    w.registry.Host() + "/" + repo + ":" + w.lastTag(),
		digest: w.registry.Reference(repo, desc.Digest),
	}
}

func (w *world) lastTag() string { return fmt.Sprintf("v%d", w.images) }

// settle waits until what systems do in the background is over: until no request has
// arrived for the time of several.
func (w *world) settle(ctx context.Context) error {
	for seen := -1; ; {
		now := len(w.registry.Requests())
		if now == seen {
			return nil
		}
		seen = now
		if err := pause(ctx, 3*w.latency+10*time.Millisecond); err != nil {
			return err
		}
	}
}

// requests waits for the last request and answers how many there were since it was
// last called.
func (w *world) requests(ctx context.Context) (float64, error) {
	if err := w.settle(ctx); err != nil {
		return 0, err
	}
	defer w.registry.ResetRequests()
	return float64(len(w.registry.Requests())), nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func tags(images []image) (keys []string) {
	for _, i := range images {
		keys = append(keys, i.tag)
	}
	return keys
}

func digests(images []image) (keys []string) {
	for _, i := range images {
		keys = append(keys, i.digest)
	}
	return keys
}
