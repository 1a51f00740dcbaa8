// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
)

// Push copies the image in a layout to a registry, with all that refers to it or to
// one of its platforms, and tags it at the end: who finds the tag finds everything.
// Credentials are those of Docker's configuration. A registry on this machine is asked
// by plain HTTP.
//
// It returns the references of what was pushed, by digest: the index, its platforms,
// and the referrers. Those are what is to be signed.
func Push(ctx context.Context, directory, to string) ([]string, error) {
	store, err := oci.NewWithContext(ctx, directory)
	if err != nil {
		return nil, err
	}
	target, err := repository(to)
	if err != nil {
		return nil, err
	}
	index, err := tagged(ctx, store)
	if err != nil {
		return nil, fmt.Errorf("layout %s: %w", directory, err)
	}
	pushed, err := family(ctx, store, index)
	if err != nil {
		return nil, err
	}
	for _, member := range pushed {
		if err := oras.CopyGraph(ctx, store, target, member, oras.DefaultCopyGraphOptions); err != nil {
			return nil, fmt.Errorf("push %s: %w", member.Digest, err)
		}
	}
	if err := target.Tag(ctx, index, target.Reference.Reference); err != nil {
		return nil, fmt.Errorf("tag %s: %w", to, err)
	}
	var references []string
	for _, member := range pushed {
		references = append(references, fmt.Sprintf("%s/%s@%s", target.Reference.Registry, target.Reference.Repository, member.Digest))
	}
	return references, nil
}

// repository is the registry's side of a reference with a tag.
func repository(reference string) (*remote.Repository, error) {
	parsed, err := registry.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("reference %q: %w", reference, err)
	}
	if err := parsed.ValidateReferenceAsTag(); err != nil {
		return nil, fmt.Errorf("reference %q: %w; expected registry/repository:tag", reference, err)
	}
	docker, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, fmt.Errorf("read Docker's configuration: %w", err)
	}
	client := &auth.Client{Client: retry.DefaultClient, Cache: auth.NewCache(), Credential: credentials.Credential(docker)}
	client.SetUserAgent("opa-ratify-image")
	return &remote.Repository{
		Client: client, Reference: parsed, PlainHTTP: isLoopback(parsed.Registry),
		// An outdated list of referrers is harmless, and not every registry lets it be deleted.
		SkipReferrersGC: true,
	}, nil
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// tagged is the one tagged manifest of a layout.
func tagged(ctx context.Context, store *oci.Store) (ocispec.Descriptor, error) {
	var tags []string
	if err := store.Tags(ctx, "", func(page []string) error { tags = append(tags, page...); return nil }); err != nil {
		return ocispec.Descriptor{}, err
	}
	if len(tags) != 1 {
		return ocispec.Descriptor{}, fmt.Errorf("%d tags, want one; build it with `make image`: %w", len(tags), errdef.ErrNotFound)
	}
	return store.Resolve(ctx, tags[0])
}

// family is an index, its children, and what refers to any of them, or to that.
func family(ctx context.Context, store *oci.Store, index ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	raw, err := content.FetchAll(ctx, store, index)
	if err != nil {
		return nil, err
	}
	var decoded ocispec.Index
	if err := json.Unmarshal(raw, &decoded); err != nil {
		return nil, fmt.Errorf("decode index %s: %w", index.Digest, err)
	}
	members := append([]ocispec.Descriptor{index}, decoded.Manifests...)
	for i := 0; i < len(members); i++ {
		referrers, err := registry.Referrers(ctx, store, members[i], "")
		if err != nil {
			return nil, fmt.Errorf("list referrers of %s: %w", members[i].Digest, err)
		}
		members = append(members, referrers...)
	}
	return members, nil
}
