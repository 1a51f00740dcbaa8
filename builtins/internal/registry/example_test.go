// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"fmt"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func ExampleClient() {
	ctx := context.Background()
	server, err := registrytest.New(registrytest.Options{})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	if _, err := server.PushImage(ctx, "app", "v1"); err != nil {
		panic(err)
	}

	c, err := registry.New(registry.Options{Retries: -1})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	ref := reference.Reference{Registry: server.Host(), Repository: "app", Tag: "v1"}
	desc, err := c.Resolve(ctx, ref)
	fmt.Println(desc.MediaType, err)

	signatures, err := c.Referrers(ctx, ref.WithDigest(desc.Digest), "application/vnd.cncf.notary.signature")
	fmt.Println(len(signatures), err)

	ref.Tag = "v2"
	_, err = c.Resolve(ctx, ref)
	code, retryable := registry.Classify(err)
	fmt.Println(code, retryable)
	// Output:
	// application/vnd.oci.image.manifest.v1+json <nil>
	// 0 <nil>
	// not_found false
}
