// SPDX-License-Identifier: Apache-2.0

package chaos_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// image is one reference to ask about.
type image struct {
	name   string // what it is, for messages
	ref    string
	digest string // in ref; "" if that names a tag
	want   string // the verdict while nothing fails
}

// world is a registry full of images, good and bad, and the trust in some of
// their signers.
type world struct {
	registry *registrytest.Registry
	images   []*image
	signed   map[string]bool // digests of what a trusted signer signed
	trust    map[string]any
	freezes  bool // in a storm, connections fall silent; the registry then never sees that they are closed

	ca, stranger       *signtest.CA
	signer, impostor   *signtest.Signer
	cosigner, intruder *sigstore.Signer
	pairs              []pair
}

// pair is a good and an unsigned image in one repository.
type pair struct {
	repo       string
	good, evil ocispec.Descriptor
}

func newWorld(t *testing.T, o registrytest.Options) *world {
	t.Helper()
	w := &world{registry: registrytest.Start(t, o), signed: map[string]bool{}}
	w.signers(t)
	for i := range 4 {
		w.notation(t, fmt.Sprintf("notation%d", i), signtest.Formats()[i%2])
	}
	for i, layout := range []sigstore.Layout{sigstore.Bundle, sigstore.Tag} {
		w.cosign(t, fmt.Sprintf("cosign%d", i), layout)
	}
	w.crowd(t)
	w.wrong(t)
	w.missing()
	return w
}

func (w *world) signers(t *testing.T) {
	t.Helper()
	w.ca = must(signtest.NewCA(signtest.CAOptions{}))(t)
	w.stranger = must(signtest.NewCA(signtest.CAOptions{CommonName: "stranger"}))(t)
	w.signer = must(w.ca.Leaf(signtest.LeafOptions{}))(t)
	w.impostor = must(w.stranger.Leaf(signtest.LeafOptions{}))(t)
	w.cosigner = must(sigstore.NewKey(sigstore.KeyOptions{}))(t)
	w.intruder = must(sigstore.NewKey(sigstore.KeyOptions{}))(t)
	w.trust = w.ca.TrustDocument()
	maps.Copy(w.trust, w.cosigner.TrustDocument())
}

// must makes a helper of what a constructor returned.
func must[V any](v V, err error) func(testing.TB) V {
	return func(tb testing.TB) V {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// push pushes an image and asks about it by tag and by digest from now on.
func (w *world) push(t *testing.T, repo, tag, want string) ocispec.Descriptor {
	t.Helper()
	desc := must(w.registry.PushImage(t.Context(), repo, tag))(t)
	name := w.registry.Host() + "/" + repo
	w.images = append(w.images,
		&image{name: repo + ":" + tag, ref: name + ":" + tag, want: want},
		&image{name: repo + ":" + tag + " by digest", ref: w.registry.Reference(repo, desc.Digest), digest: desc.Digest.String(), want: want})
	w.signed[desc.Digest.String()] = want == verified
	return desc
}

// pair pushes a good image with an unsigned one beside it, for tags that move and
// lists that are swapped.
func (w *world) pair(t *testing.T, repo string) ocispec.Descriptor {
	t.Helper()
	p := pair{repo, w.push(t, repo, "v1", verified), w.push(t, repo, "unsigned", rejected)}
	w.pairs = append(w.pairs, p)
	return p.good
}

func (w *world) notation(t *testing.T, repo string, format signtest.Format) {
	t.Helper()
	must(w.signer.SignAndAttach(t.Context(), w.registry, repo, w.pair(t, repo), signtest.SignOptions{Format: format}))(t)
}

func (w *world) cosign(t *testing.T, repo string, layout sigstore.Layout) {
	t.Helper()
	must(w.cosigner.SignAndAttach(t.Context(), w.registry, repo, w.pair(t, repo), sigstore.SignOptions{Layout: layout}))(t)
}

// crowd is a good image with many signatures, of which one counts.
func (w *world) crowd(t *testing.T) {
	t.Helper()
	good := w.pair(t, "crowd")
	for range 5 {
		must(w.impostor.SignAndAttach(t.Context(), w.registry, "crowd", good, signtest.SignOptions{}))(t)
	}
	must(w.signer.SignAndAttach(t.Context(), w.registry, "crowd", good, signtest.SignOptions{}))(t)
}

// wrong are images with signatures that must not count.
func (w *world) wrong(t *testing.T) {
	t.Helper()
	ctx, reg := t.Context(), w.registry
	desc := w.push(t, "stranger", "v1", rejected)
	must(w.impostor.SignAndAttach(ctx, reg, "stranger", desc, signtest.SignOptions{}))(t)

	desc = w.push(t, "stranger-cosign", "v1", rejected)
	must(w.intruder.SignAndAttach(ctx, reg, "stranger-cosign", desc, sigstore.SignOptions{Layout: sigstore.Tag}))(t)

	desc = w.push(t, "tampered", "v1", rejected)
	env := must(w.signer.Sign(ctx, desc, signtest.SignOptions{}))(t)
	must(signtest.Attach(ctx, reg, "tampered", desc, must(signtest.FlipSignature(env))(t)))(t)

	desc = w.push(t, "another", "v1", rejected) // a good signature, of another image
	env = must(w.signer.Sign(ctx, w.pairs[0].good, signtest.SignOptions{}))(t)
	must(signtest.Attach(ctx, reg, "another", desc, env))(t)
}

// missing are images that are not there: there is nothing to reject.
func (w *world) missing() {
	nobody := digest.FromString("nobody")
	for _, ref := range []string{"nowhere:v1", "notation0:nothing", "notation0@" + nobody.String()} {
		i := &image{name: "missing " + ref, ref: w.registry.Host() + "/" + ref, want: inconclusive}
		if ref[len("notation0")] == '@' {
			i.digest = nobody.String()
		}
		w.images = append(w.images, i)
	}
}
