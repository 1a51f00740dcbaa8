// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// attach is the command `attach TYPE FILE REPOSITORY`: what `oras attach
// --artifact-type TYPE` does, with the annotation that it was made just now.
func attach(ts *testscript.TestScript, neg bool, args []string) {
	r := scriptRegistry(ts)
	if neg || len(args) != 3 || strings.ContainsAny(args[2], ":@") || r.Registry == nil {
		ts.Fatalf("usage: attach TYPE FILE REPOSITORY, after registry and push")
	}
	content := []byte(ts.ReadFile(args[1]))
	layer := ocispec.Descriptor{MediaType: args[0], Digest: digest.FromBytes(content), Size: int64(len(content))}
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: args[0],
		Config:       ocispec.DescriptorEmptyJSON,
		Layers:       []ocispec.Descriptor{layer},
		Subject:      &r.image,
		Annotations:  map[string]string{ocispec.AnnotationCreated: time.Now().UTC().Format(time.RFC3339)},
	})
	ts.Check(err)
	r.artifact, err = r.PushManifest(context.Background(), args[2], "", ocispec.MediaTypeImageManifest, manifest, content, []byte("{}"))
	ts.Check(err)
	r.artifact.ArtifactType = args[0]
	r.last = r.artifact
}

// mislist is the command `mislist`: the registry lists the artifact attached last as the
// one referrer of the image pushed last.
func mislist(ts *testscript.TestScript, neg bool, args []string) {
	r := scriptRegistry(ts)
	if neg || len(args) != 0 || r.artifact.Digest == "" {
		ts.Fatalf("usage: mislist, after attach")
	}
	r.Inject(registrytest.Fault{
		Kind: registrytest.KindReferrers, Reference: r.image.Digest.String(), Action: registrytest.Referrers(r.artifact),
	})
}

// attest is the command `attest TYPE FILE REPOSITORY`: what `cosign attest` does in
// the workflow.
func attest(ts *testscript.TestScript, neg bool, args []string) {
	r := scriptRegistry(ts)
	if neg || len(args) != 3 || strings.ContainsAny(args[2], ":@") || r.Registry == nil {
		ts.Fatalf("usage: attest TYPE FILE REPOSITORY, after registry and push")
	}
	o := sigstore.SignOptions{PredicateType: args[0], Predicate: json.RawMessage(ts.ReadFile(args[1]))}
	_, err := scriptWorkflow(ts).signer.SignAndAttach(context.Background(), r.Registry, args[2], r.image, o)
	ts.Check(err)
}
