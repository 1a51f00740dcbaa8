// SPDX-License-Identifier: Apache-2.0

package sigstore_test

import (
	"context"
	"encoding/json"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// An image is signed with a key, and by a GitHub workflow whose signature was tampered with.
func Example() {
	ctx := context.Background()
	if err := signTwice(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// application/vnd.dev.sigstore.bundle.v0.3+json
	// https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1
}

func signTwice(ctx context.Context) error {
	reg, err := registrytest.New(registrytest.Options{})
	if err != nil {
		return err
	}
	defer reg.Close()
	image, err := reg.PushImage(ctx, "app", "v1")
	if err != nil {
		return err
	}
	key, err := sigstore.NewKey(sigstore.KeyOptions{})
	if err != nil {
		return err
	}
	good, err := key.SignAndAttach(ctx, reg, "app", image, sigstore.SignOptions{})
	if err != nil {
		return err
	}
	_, content, err := reg.Manifest(ctx, "app", good.Digest)
	if err != nil {
		return err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(content, &manifest); err != nil {
		return err
	}
	fmt.Println(manifest.ArtifactType)

	instance, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	if err != nil {
		return err
	}
	workflow, err := instance.Certify(sigstore.GitHub("acme/app", "release.yml", "refs/tags/v1"))
	if err != nil {
		return err
	}
	fmt.Println(workflow.Identity()["subject"])
	bad, err := workflow.Sign(image, sigstore.SignOptions{Layout: sigstore.Tag})
	if err != nil {
		return err
	}
	if err := bad.FlipPayload(); err != nil {
		return err
	}
	_, err = sigstore.Attach(ctx, reg, "app", image, bad)
	return err
}
